//! An asset becomes: the function as it was written, the record and the body behind a nameless constant, and the marker, the type
//! that other assets mention by the function's name.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::Path;
use syn::ext::IdentExt;

use crate::args::Value;
use crate::ast::Item;
use crate::diagnose::Errors;
use crate::valid::{Asset, Input, Kind};
use crate::{body, checks, columns, edges, marker, paths, record};

/// Everything for an asset. With errors it is all still checked, but not registered.
pub(crate) fn expand(asset: &Asset, errors: Errors) -> TokenStream {
    let here = Span::call_site();
    let sound = errors.count() == 0;
    let errors = errors.into_tokens();

    let function = (!asset.external).then(|| function(&asset.item));
    let cfgs = asset.item.cfgs();
    let upstreams = upstreams(asset);
    let uses = probe_levels();
    let aliases = upstreams.iter().map(|upstream| {
        let Upstream { alias, path, .. } = upstream;
        quote!(type #alias = #path;)
    });
    let definition = edges::alias(asset);
    let marker_impl = marker::implement(&asset.item.sig.ident, &asset.returns.value, &edges::shape(asset));
    let output = output_alias(&asset.item.sig.ident);
    let asked_for = record::asked_for(asset);
    let mappings = upstreams.iter().map(edges::mapping);
    let edges = edges::checks(asset, &upstreams);
    let record = record::define(asset, &upstreams);
    let run = if asset.external { check_external(asset) } else { body::run(asset, &upstreams) };
    let columns = columns::checks::checks(asset, &upstreams);
    let registration = sound.then(|| {
        let (submit, registered) = (paths::submit(here), paths::registered(here));
        quote!(#submit! { #registered(&__DEF) })
    });
    // An asset that holds itself would be of infinite size.
    let others = upstreams.iter().filter(|upstream| upstream.input.is_none_or(|input| input.previous.is_none()));
    let fields = others.map(|Upstream { field, path, .. }| quote!(#field: #path));
    let marker = marker::declare(&asset.item, fields);

    quote! {
        #function
        #errors
        #(#cfgs)*
        #[allow(deprecated, unreachable_code)]
        const _: () = {
            #uses
            #(#aliases)*
            #definition
            #output
            #marker_impl
            #asked_for
            #(#mappings)*
            #edges
            #record
            #run
            #columns
            #registration
        };
        #marker
    }
}

/// The function, without the lints whose advice the signature of an asset cannot take: `-> ()` says that nothing is stored, and a
/// parameter has the type that is loaded.
fn function(item: &Item) -> TokenStream {
    quote! {
        #[allow(clippy::missing_const_for_fn, clippy::must_use_candidate, clippy::needless_pass_by_value, clippy::ptr_arg)]
        #[allow(clippy::ref_option, clippy::too_many_arguments, clippy::unused_unit)]
        #item
    }
}

/// An asset that this one comes after.
pub(crate) struct Upstream<'a> {
    /// The one mention of it beside the marker's field: rustc shows messages that are alike only once.
    pub(crate) alias: Ident,
    pub(crate) field: Ident,
    pub(crate) path: &'a Path,
    pub(crate) name: String,
    /// Absent for `deps`.
    pub(crate) input: Option<&'a Input>,
}

fn upstreams(asset: &Asset) -> Vec<Upstream<'_>> {
    let inputs = asset.params.iter().filter_map(|param| match &param.kind {
        Kind::Input(input) => Some((param.ident.clone(), &input.path, param.name(), Some(&**input))),
        _ => None,
    });
    let deps = match asset.args.get("deps") {
        Some(Value::Assets(paths)) => &paths[..],
        _ => &[],
    };
    let deps = deps.iter().enumerate().map(|(index, path)| {
        let name = path.segments.last().map(|last| last.ident.unraw().to_string());
        (format_ident!("__dep{index}"), path, name.unwrap_or_default(), None)
    });
    let all = inputs.chain(deps).enumerate();
    let upstreams = all.map(|(index, (field, path, name, input))| {
        let span = path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
        Upstream { alias: format_ident!("__U{index}", span = span), field, path, name, input }
    });
    upstreams.collect()
}

/// The traits whose methods make up the levels of a probe.
fn probe_levels() -> TokenStream {
    let here = Span::call_site();
    let levels = [paths::native(here), paths::optional_serde(here), paths::serde(here), paths::unknown(here)];
    quote!(#(use #levels as _;)*)
}

fn output_alias(ident: &Ident) -> TokenStream {
    let asset = paths::asset(Span::call_site());
    quote!(type __Out = <#ident as #asset>::Output;)
}

/// An external asset is never produced, but what cannot be stored cannot be read either.
fn check_external(asset: &Asset) -> TokenStream {
    let here = Span::call_site();
    let (value, output, produced) = (Ident::new("__value", here), Ident::new("__Out", here), paths::produced(here));
    let produce = checks::produce(&output, &asset.returns, &value);
    quote!(const _: fn(#output) -> #produced = |#value| #produce;)
}
