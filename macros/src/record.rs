//! The record: constant data that says everything the attribute does.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;

use crate::args::Value;
use crate::code_hash::code_hash;
use crate::expand::Upstream;
use crate::valid::{Asset, Kind};
use crate::{body, checks, edges, paths};

/// The record of the asset. What was not given is taken from the empty one, which keeps the expansion short.
pub(crate) fn define(asset: &Asset, upstreams: &[Upstream<'_>]) -> TokenStream {
    let here = Span::call_site();
    let asset_def = paths::asset_def(here);
    let key = &asset.key;
    let source = source(&asset.item.sig.ident);
    let options = asset.args.iter().filter_map(|(name, value)| option(asset, name, value));
    let calls = asset.partitioning.once.then(|| {
        let calls = paths::calls(here);
        quote!(calls: #calls::Once,)
    });
    let inputs = upstreams.iter().map(input_def);
    let inputs = (!upstreams.is_empty()).then(|| quote!(inputs: &[#(#inputs),*],));
    let asked_for = asked_for_fields(asset);
    let output = checks::describe(&Ident::new("__Out", here));
    let code_hash = code_hash(&asset.item).map(|hash| quote!(code_hash: ::core::option::Option::Some(#hash),));
    let body = (!asset.external).then(|| body::start(asset));
    quote! {
        static __DEF: #asset_def = #asset_def {
            key: &[#(#key),*],
            source: #source,
            #(#options)*
            #code_hash
            #calls
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
fn option(asset: &Asset, name: &str, value: &Value) -> Option<TokenStream> {
    let here = Span::call_site();
    let some = quote!(::core::option::Option::Some);
    let field = match name {
        "store" => "store_options",
        "retry_on" => "retry_any",
        "alias" => "aliases",
        as_it_is => as_it_is,
    };
    let field = Ident::new(field, here);
    let value = match value {
        Value::Texts(_) | Value::Text(_) if name == "key_prefix" || name == "name" => return None,
        Value::Text(text) if name == "partition_expr" => quote!(&[("", #text)]),
        Value::Expressions(all) => {
            let (names, texts): (Vec<_>, Vec<_>) = all.iter().map(|(name, text)| (name.unraw().to_string(), text)).unzip();
            quote!(&[#((#names, #texts)),*])
        }
        Value::Texts(names) if name == "partition_by" => {
            // The only dimension has no name, and is called by its column.
            let names = names.iter().map(|name| {
                let is_column =
                    matches!(asset.args.get("partition_expr"), Some(Value::Text(text)) if text.value() == name.value());
                if is_column { String::new() } else { name.value() }
            });
            quote!(#some(&[#(#names),*]))
        }
        Value::Definition(path) => {
            let definition = edges::definition(path);
            quote!(#some(#definition::def))
        }
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
        // Checked to fit.
        Value::Integer(number, _) if name == "priority" => i32::try_from(*number).ok()?.to_token_stream(),
        Value::Duration(duration, _) => {
            let (seconds, nanoseconds) = (duration.as_secs(), duration.subsec_nanos());
            quote!(#some(::core::time::Duration::new(#seconds, #nanoseconds)))
        }
        Value::Size(bytes) => quote!(#some(#bytes)),
        Value::RetryOn(any) => quote!(#any),
        Value::AssetKeys(keys) => quote!(&[#(#keys),*]),
        Value::Asset(_) | Value::Assets(_) | Value::Mapping(_) | Value::Flag(_) | Value::Integer(..) | Value::Keys(..) => {
            return None;
        }
    };
    Some(quote!(#field: #value,))
}

/// All of the asset, except for what the input says.
fn input_def(upstream: &Upstream<'_>) -> TokenStream {
    let Upstream { alias, name, input, .. } = upstream;
    let span = alias.span();
    let (def, asset) = (paths::input_def(span), paths::asset(span));
    let whole = quote_spanned!(span=> #def::of(#name, <#alias as #asset>::def));
    let Some(input) = input else { return quote_spanned!(span=> #def { order_only: true, ..#whole }) };
    let some = quote!(::core::option::Option::Some);
    let columns = input.columns.as_ref().map(|columns| quote!(columns: #some(&[#(#columns),*]),));
    let flags = [
        ("optional", input.optional),
        ("allow_missing", input.allow_missing),
        ("per_partition", input.each.is_some()),
        ("previous", input.previous.is_some()),
    ];
    let flags = flags.into_iter().filter(|(_, set)| *set).map(|(flag, _)| {
        let flag = Ident::new(flag, span);
        quote!(#flag: true,)
    });
    let mapping = edges::effective_mapping(input).map(|_| {
        let constant = edges::mapping_constant(upstream);
        quote!(mapping: #some(#constant),)
    });
    let version = input.version.map(|version| quote!(version: #some(#version),));
    let fields: TokenStream = columns.into_iter().chain(flags).chain(mapping).chain(version).collect();
    if fields.is_empty() { whole } else { quote_spanned!(span=> #def { #fields ..#whole }) }
}

/// A constant for each resource and for the configuration.
pub(crate) fn asked_for(asset: &Asset) -> TokenStream {
    let constants = asset.params.iter().enumerate().filter_map(|(index, param)| match &param.kind {
        Kind::Resource(ty) => Some(checks::resource(&constant(index), ty, &param.name())),
        Kind::Config(ty) => Some(checks::config(&constant(index), ty, &param.name())),
        _ => None,
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
