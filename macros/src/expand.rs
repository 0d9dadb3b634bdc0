//! An asset becomes: the function as it was written, the record and the body behind a nameless constant, and the marker, the type
//! that other assets mention by the function's name.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Path;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::args::Value;
use crate::ast::Item;
use crate::diagnose::Errors;
use crate::valid::{Asset, Input, Kind};
use crate::{checks, paths};

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
    let marker_impl = marker_impl(&asset.item.sig.ident, &asset.returns.value);
    let output = output_alias(&asset.item.sig.ident);
    let asked_for = asked_for(asset);
    let record = record(asset, &upstreams);
    let run = if asset.external { check_external(asset) } else { run(asset, &upstreams) };
    let registration = sound.then(|| {
        let (submit, registered) = (paths::submit(here), paths::registered(here));
        quote!(#submit! { #registered(&__DEF) })
    });
    let fields = upstreams.iter().map(|Upstream { field, path, .. }| quote!(#field: #path));
    let marker = marker(&asset.item, fields);

    quote! {
        #function
        #errors
        #(#cfgs)*
        #[allow(deprecated, unreachable_code)]
        const _: () = {
            #uses
            #(#aliases)*
            #output
            #marker_impl
            #asked_for
            #record
            #run
            #registration
        };
        #marker
    }
}

/// The function, without the lints whose advice the signature of an asset cannot take: `-> ()` says that nothing is stored, and a
/// parameter has the type that is loaded.
fn function(item: &Item) -> TokenStream {
    quote! {
        #[allow(clippy::needless_pass_by_value, clippy::ptr_arg, clippy::ref_option, clippy::too_many_arguments, clippy::unused_unit)]
        #item
    }
}

/// The type that has the asset's name. It comes last, so that rustc's messages about a name's items begin with the function, and it
/// has braces, so that it leaves the name free for the function.
///
/// It holds its upstreams: an unknown one is an unknown type, and assets in a circle are a type of infinite size. The last field is
/// none of them, because the compiler follows last fields, and would get lost in a circle or a long chain before it reports it.
pub(crate) fn marker(item: &Item, upstreams: impl Iterator<Item = TokenStream>) -> TokenStream {
    let (vis, ident, cfgs) = (&item.vis, &item.sig.ident, item.cfgs());
    // All in one place, which is where messages about the type point.
    let declaration = quote_spanned!(ident.span()=> struct #ident { #(#upstreams,)* __end: () });
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, non_snake_case, dead_code, deprecated, unreachable_pub, missing_debug_implementations)]
        #[allow(clippy::struct_field_names)]
        #vis #declaration
    }
}

/// The marker's `Asset` implementation.
pub(crate) fn marker_impl(ident: &Ident, output: impl ToTokens) -> TokenStream {
    let here = Span::call_site();
    let (asset, asset_def) = (paths::asset(here), paths::asset_def(here));
    quote! {
        #[diagnostic::do_not_recommend]
        impl #asset for #ident {
            type Output = #output;
            fn def() -> &'static #asset_def {
                &__DEF
            }
        }
    }
}

/// An asset that this one comes after.
struct Upstream<'a> {
    /// The one mention of it beside the marker's field: rustc shows messages that are alike only once.
    alias: Ident,
    field: Ident,
    path: &'a Path,
    name: String,
    /// Absent for `deps`.
    input: Option<&'a Input>,
}

fn upstreams(asset: &Asset) -> Vec<Upstream<'_>> {
    let inputs = asset.params.iter().filter_map(|param| match &param.kind {
        Kind::Input(input) => Some((param.ident.clone(), &input.path, param.name(), Some(input))),
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

/// The record of the asset. What was not given is taken from the empty one, which keeps the expansion short.
fn record(asset: &Asset, upstreams: &[Upstream<'_>]) -> TokenStream {
    let here = Span::call_site();
    let asset_def = paths::asset_def(here);
    let key = &asset.key;
    let source = source(&asset.item.sig.ident);
    let options = asset.args.iter().filter_map(|(name, value)| option(name, value));
    let inputs = upstreams.iter().map(input_def);
    let inputs = (!upstreams.is_empty()).then(|| quote!(inputs: &[#(#inputs),*],));
    let asked_for = asked_for_fields(asset);
    let output = checks::describe(&Ident::new("__Out", here));
    let body = if asset.external { quote!(None) } else { body(asset) };
    quote! {
        static __DEF: #asset_def = #asset_def {
            key: &[#(#key),*],
            source: #source,
            #(#options)*
            #inputs
            #asked_for
            output: #output,
            body: #body,
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
    let columns = match input.and_then(|input| input.columns.as_ref()) {
        Some(columns) => quote!(::core::option::Option::Some(&[#(#columns),*])),
        None => quote!(::core::option::Option::None),
    };
    let optional = input.is_some_and(|input| input.optional);
    let order_only = input.is_none();
    quote_spanned!(span=> #def {
        parameter: #name,
        upstream: <#alias as #asset>::def,
        columns: #columns,
        optional: #optional,
        order_only: #order_only,
    })
}

/// A constant for each resource and for the configuration.
fn asked_for(asset: &Asset) -> TokenStream {
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

/// How the runtime starts the body: what is not `async` may block, so it runs where that is no harm.
fn body(asset: &Asset) -> TokenStream {
    // A future that cannot be sent is reported at the word that makes it one.
    let span = asset.item.sig.asyncness.map_or_else(Span::call_site, |asyncness| asyncness.span);
    let call = paths::call(span);
    let started = match asset.item.sig.asyncness {
        Some(_) => quote_spanned!(span=> __run(__call)),
        None => quote_spanned!(span=> #call::blocking(__call, __run)),
    };
    quote_spanned!(span=> ::core::option::Option::Some(|__call| ::std::boxed::Box::pin(#started)))
}

/// Loads the inputs, calls the function, takes its value.
fn run(asset: &Asset, upstreams: &[Upstream<'_>]) -> TokenStream {
    let here = Span::call_site();
    let (call_type, result, produced) = (paths::call(here), paths::result(here), paths::produced(here));
    let asyncness = asset.item.sig.asyncness.map(|_| quote!(async));
    let loads = loads(asset, upstreams);
    let called = called(asset);
    let taken = taken(asset);
    quote! {
        #asyncness fn __run(mut __call: #call_type) -> #result<#produced> {
            #loads
            #called
            #taken
        }
    }
}

/// A variable for each parameter.
fn loads(asset: &Asset, upstreams: &[Upstream<'_>]) -> TokenStream {
    let here = Span::call_site();
    let call = Ident::new("__call", here);
    let mut upstreams = upstreams.iter();
    let (mut inputs, mut loaded, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (index, param) in asset.params.iter().enumerate() {
        let variable = variable(index);
        match &param.kind {
            Kind::Input(_) => {
                let Some(upstream) = upstreams.next() else { break };
                let load = checks::load(&param.ident, &upstream.name, &param.ty, &upstream.alias, &call);
                inputs.push(quote!(let #variable = #load;));
                loaded.push(variable);
            }
            Kind::Context => others.push(quote!(let #variable = #call.context().clone();)),
            Kind::Resource(_) => {
                let (constant, name) = (constant(index), param.name());
                others.push(quote!(let #variable = (#constant.take)(&#call, #name)?;));
            }
            Kind::Config(_) => {
                let constant = constant(index);
                others.push(quote!(let #variable = (#constant.take)(&#call)?;));
            }
            Kind::Broken => {}
        }
    }
    // Loading may block, which an `async` body must not.
    if asset.item.sig.asyncness.is_some() && !inputs.is_empty() {
        let call_type = paths::call(here);
        return quote! {
            let (#call, #(#loaded),*) = #call_type::blocking(#call, |mut #call| {
                #(#inputs)*
                ::core::result::Result::Ok((#call, #(#loaded),*))
            }).await?;
            #(#others)*
        };
    }
    quote!(#(#inputs)* #(#others)*)
}

/// What the function returned.
fn called(asset: &Asset) -> TokenStream {
    let (ident, written) = (&asset.item.sig.ident, &asset.returns.written);
    if asset.params.iter().any(|param| matches!(param.kind, Kind::Broken)) {
        return quote!(let __out: #written = ::core::unreachable!(););
    }
    let arguments = asset.params.iter().enumerate().map(|(index, param)| {
        let variable = variable(index);
        // A type of the user's that is only called `Context` is reported where it is written.
        let argument = Ident::new(&variable.to_string(), Span::call_site().located_at(param.ty.span()));
        let and = param.by_ref.then(|| quote_spanned!(param.ty.span()=> &));
        quote!(#and #argument)
    });
    let awaited = asset.item.sig.asyncness.map(|_| quote!(.await));
    quote!(let __out = #ident(#(#arguments),*) #awaited;)
}

/// The value of what the function returned, and the metadata beside it.
fn taken(asset: &Asset) -> TokenStream {
    let here = Span::call_site();
    let out = Ident::new("__out", here);
    let returns = &asset.returns;
    let value = returns.error.map(|error| {
        let value = checks::value_of(&out, error);
        quote!(let #out = #value;)
    });
    let produced = checks::produce(&Ident::new("__Out", here), &returns.value, &out);
    if returns.metadata {
        let output = paths::output(here);
        return quote! {
            #value
            let (#out, __metadata) = #output::into_parts(#out);
            ::core::result::Result::Ok(#produced.with_metadata(__metadata))
        };
    }
    quote!(#value ::core::result::Result::Ok(#produced))
}

/// An external asset is never produced, but what cannot be stored cannot be read either.
fn check_external(asset: &Asset) -> TokenStream {
    let here = Span::call_site();
    let (value, output, produced) = (Ident::new("__value", here), Ident::new("__Out", here), paths::produced(here));
    let produce = checks::produce(&output, &asset.returns.value, &value);
    quote!(const _: fn(#output) -> #produced = |#value| #produce;)
}

fn constant(index: usize) -> Ident {
    format_ident!("__P{index}", span = Span::call_site())
}

fn variable(index: usize) -> Ident {
    format_ident!("__p{index}", span = Span::call_site())
}
