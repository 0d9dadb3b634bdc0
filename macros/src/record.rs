//! The record: constant data that says everything the attribute does.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use crate::args::Value;
use crate::expand::Upstream;
use crate::valid::{Asset, Kind};
use crate::{body, checks, paths};

/// The record of the asset. What was not given is taken from the empty one, which keeps the expansion short.
pub(crate) fn define(asset: &Asset, upstreams: &[Upstream<'_>]) -> TokenStream {
    let here = Span::call_site();
    let asset_def = paths::asset_def(here);
    let key = &asset.key;
    let source = source(&asset.item.sig.ident);
    let options = asset.args.iter().filter_map(|(name, value)| option(name, value));
    let inputs = upstreams.iter().map(input_def);
    let inputs = (!upstreams.is_empty()).then(|| quote!(inputs: &[#(#inputs),*],));
    let asked_for = asked_for_fields(asset);
    let output = checks::describe(&Ident::new("__Out", here));
    let body = (!asset.external).then(|| body::start(asset));
    quote! {
        static __DEF: #asset_def = #asset_def {
            key: &[#(#key),*],
            source: #source,
            #(#options)*
            #inputs
            #asked_for
            output: #output,
            #body
            ..#asset_def::EMPTY
        };
    }
}

/// The line of the function's name: with the attribute's span it would be the attribute's.
fn source(ident: &Ident) -> TokenStream {
    let source = paths::source(Span::call_site());
    quote_spanned!(ident.span()=> #source { file: ::core::file!(), line: ::core::line!() })
}

/// The field of the record that has an option's name; most do.
fn option(name: &str, value: &Value) -> Option<TokenStream> {
    let here = Span::call_site();
    let some = quote!(::core::option::Option::Some);
    let field = format_ident!("{}", if name == "store" { "store_options" } else { name });
    let value = match value {
        Value::Texts(_) | Value::Text(_) if name == "key_prefix" || name == "name" => return None,
        Value::Text(text) if name == "partition_expr" => quote!(&[("", #text)]),
        Value::Text(text) => quote!(#some(#text)),
        Value::Texts(texts) => quote!(&[#(#texts),*]),
        Value::Mode(variant) => {
            let mode = paths::mode(here);
            quote!(#some(#mode::#variant))
        }
        Value::Number(number) => quote!(#some(#number)),
        Value::Tags(pairs) => {
            let (keys, values): (Vec<_>, Vec<_>) = pairs.iter().map(|(key, value)| (key, value)).unzip();
            quote!(&[#((#keys, #values)),*])
        }
        Value::Pairs(pairs) => {
            let (keys, literals): (Vec<_>, Vec<_>) = pairs.iter().map(|(key, literal)| (key, literal)).unzip();
            quote!(&[#((#keys, #literals)),*])
        }
        Value::Asset(_) | Value::Assets(_) => return None,
    };
    Some(quote!(#field: #value,))
}

fn input_def(upstream: &Upstream<'_>) -> TokenStream {
    let Upstream { alias, name, input, .. } = upstream;
    let span = alias.span();
    let (def, asset) = (paths::input_def(span), paths::asset(span));
    let columns = input.and_then(|input| input.columns.as_ref());
    let columns = columns.map(|columns| quote!(::core::option::Option::Some(&[#(#columns),*])));
    let columns = columns.unwrap_or_else(|| quote!(::core::option::Option::None));
    let optional = input.is_some_and(|input| input.optional);
    let order_only = input.is_none();
    quote_spanned!(span=> #def {
        parameter: #name,
        upstream: <#alias as #asset>::def,
        columns: #columns,
        optional: #optional,
        order_only: #order_only,
        mapping: ::core::option::Option::None,
        allow_missing: false,
        version: ::core::option::Option::None,
        per_partition: false,
        previous: false,
    })
}

/// A constant for each resource and for the configuration.
pub(crate) fn asked_for(asset: &Asset) -> TokenStream {
    let constants = asset.params.iter().enumerate().filter_map(|(index, param)| match &param.kind {
        Kind::Resource(ty) => Some(checks::resource(&constant(index), ty, &param.name())),
        Kind::Config(ty) => Some(checks::config(&constant(index), ty, &param.name())),
        Kind::Context | Kind::Input(_) | Kind::Broken => None,
    });
    constants.collect()
}

/// The fields of the record for them, if there are any.
fn asked_for_fields(asset: &Asset) -> TokenStream {
    let indices = |wanted: fn(&Kind) -> bool| {
        let params = asset.params.iter().enumerate();
        params.filter(move |(_, param)| wanted(&param.kind)).map(|(index, _)| constant(index)).collect::<Vec<_>>()
    };
    let resources = indices(|kind| matches!(kind, Kind::Resource(_)));
    let resources = (!resources.is_empty()).then(|| quote!(resources: &[#(#resources.def),*],));
    let config = indices(|kind| matches!(kind, Kind::Config(_)));
    let config = config.first().map(|config| quote!(config: ::core::option::Option::Some(#config.def),));
    quote!(#resources #config)
}

/// The constant for a parameter.
pub(crate) fn constant(index: usize) -> Ident {
    format_ident!("__P{index}", span = Span::call_site())
}
