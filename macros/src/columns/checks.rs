//! The checks of columns that an asset names or declares: each a nameless constant at what it checks. The compiler, which knows the
//! types of both sides, compares them.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{LitStr, Type};

use crate::args::Value;
use crate::expand::Upstream;
use crate::paths;
use crate::valid::{Asset, Kind, Param, bare, last_segment, type_arguments};

/// Types that declare no columns, so that most assets are as quick to compile as if there were no checks.
const UNTYPED: [&str; 11] =
    ["DataFrame", "LazyFrame", "RecordBatch", "Bytes", "String", "Vec", "HashMap", "BTreeMap", "HashSet", "BTreeSet", "bool"];

/// Every check of an asset; nothing for most.
pub(crate) fn checks(asset: &Asset, upstreams: &[Upstream<'_>]) -> TokenStream {
    let params = asset.params.iter().filter(|param| matches!(param.kind, Kind::Input(_)));
    let inputs = params.zip(upstreams).map(|(param, upstream)| input(param, upstream));
    let checks: Vec<TokenStream> = partition_columns(asset).chain(inputs.flatten()).collect();
    if checks.is_empty() {
        return TokenStream::new();
    }
    let unknown = paths::unknown_columns(Span::call_site());
    quote!(use #unknown as _; #(#checks)*)
}

/// The columns that the asset's own table is partitioned by.
fn partition_columns(asset: &Asset) -> impl Iterator<Item = TokenStream> {
    let name = asset.item.sig.ident.unraw().to_string();
    let columns = match asset.args.get("partition_expr") {
        Some(Value::Text(column)) => vec![column],
        Some(Value::Expressions(all)) => all.iter().map(|(_, column)| column).collect(),
        _ => Vec::new(),
    };
    columns.into_iter().map(move |column| {
        let span = column.span();
        let (check, of) = (paths::check_partition_column(span), paths::columns_of(span));
        let output = proc_macro2::Ident::new("__Out", Span::call_site());
        quote_spanned!(span=> const _: () = #check(#of::<#output>::COLUMNS, #name, #column);)
    })
}

/// The columns that an input is limited to, and those that its type declares.
fn input(param: &Param, upstream: &Upstream<'_>) -> Vec<TokenStream> {
    let Some(input) = upstream.input else { return Vec::new() };
    let name = upstream.path.segments.last().map(|last| last.ident.unraw().to_string()).unwrap_or_default();
    let listed = input.columns.as_deref().unwrap_or_default();
    let alias = &upstream.alias;
    // With the upstream's span, so that of what is no asset it is said once.
    let (of, asset) = (paths::columns_of(alias.span()), paths::asset(alias.span()));
    let declared = quote_spanned!(alias.span()=> #of::<<#alias as #asset>::Output>::COLUMNS);
    let mut checks: Vec<TokenStream> = listed.iter().map(|column| listed_column(column, &declared, &name)).collect();
    if may_declare(&param.ty) {
        let (span, ty) = (param.ty.span(), &param.ty);
        let (check, of) = (paths::check_rows(span), paths::columns_of(span));
        let only = input.columns.as_ref().map(|columns| quote_spanned!(span=> ::core::option::Option::Some(&[#(#columns),*])));
        let only = only.unwrap_or_else(|| quote_spanned!(span=> ::core::option::Option::None));
        checks.push(quote_spanned!(span=> const _: () = #check(#declared, #only, #of::<#ty>::COLUMNS, #name);));
    }
    checks
}

fn listed_column(column: &LitStr, declared: &TokenStream, name: &str) -> TokenStream {
    let check = paths::check_column(column.span());
    quote_spanned!(column.span()=> const _: () = #check(#declared, #name, #column);)
}

/// Whether a type may be that of typed rows, by any name.
fn may_declare(ty: &Type) -> bool {
    let Some(last) = last_segment(ty) else { return false };
    match last.ident.to_string().as_str() {
        "Option" | "Partitions" => type_arguments(last).last().is_some_and(|inner| may_declare(bare(inner))),
        name => !UNTYPED.contains(&name) && !crate::valid::is_primitive(&last.ident),
    }
}
