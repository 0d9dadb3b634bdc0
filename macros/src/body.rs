//! The body as the runtime calls it: loads the inputs, calls the function, takes its value.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::expand::Upstream;
use crate::record::constant;
use crate::valid::{Asset, Kind};
use crate::{checks, paths};

/// How the runtime starts the body: what is not `async` may block, so it runs where that is no harm.
pub(crate) fn start(asset: &Asset) -> TokenStream {
    // A future that cannot be sent is reported at the word that makes it one.
    let span = asset.item.sig.asyncness.map_or_else(Span::call_site, |asyncness| asyncness.span);
    let call = paths::call(span);
    let started = if asset.item.sig.asyncness.is_some() {
        quote_spanned!(span=> ::std::boxed::Box::pin(__run(__call)))
    } else {
        // By a pointer, so that what it takes to run it on a thread is compiled once and not for each asset.
        quote_spanned!(span=> #call::start(__call, __run))
    };
    quote_spanned!(span=> body: ::core::option::Option::Some(|__call| #started),)
}

/// The function that does it.
pub(crate) fn run(asset: &Asset, upstreams: &[Upstream<'_>]) -> TokenStream {
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
            Kind::Input(input) => {
                let Some(upstream) = upstreams.next() else { break };
                let load = checks::load(param, input, upstream, &call);
                inputs.push(quote!(let #variable = #load;));
                loaded.push(variable);
            }
            Kind::Partition(definition) => {
                let trait_ = paths::partition_definition(definition.span());
                others.push(
                    quote_spanned!(definition.span()=> let #variable = <#definition as #trait_>::taken(#call.partition_key()?)?;),
                );
            }
            Kind::PartitionSet(definition) => {
                let trait_ = paths::partition_definition(definition.span());
                others.push(quote_spanned!(definition.span()=> let #variable = <#definition as #trait_>::taken_set(#call.partition_keys()?)?;));
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
    let produced = checks::produce(&Ident::new("__Out", here), returns, &out);
    if returns.metadata {
        let output = paths::output(here);
        return quote! {
            #value
            let (#out, __beside) = #output::split(#out);
            ::core::result::Result::Ok(#produced.with_beside(__beside))
        };
    }
    quote!(#value ::core::result::Result::Ok(#produced))
}

fn variable(index: usize) -> Ident {
    format_ident!("__p{index}", span = Span::call_site())
}
