//! The compile-time checks: each returns the tokens of one expression that compiles only if a type does what the asset asks of it.
//!
//! The tokens have the span of what they check, so that rustc reports there. Local variables are handed in, since a name and its
//! use must come from the same place for rustc to see them as one.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::expand::Upstream;
use crate::paths;
use crate::valid::{Input, Param, Returns};

/// What the output type is, as a constant closure.
pub(crate) fn describe(output: &Ident) -> TokenStream {
    let probe = paths::probe(output.span());
    quote_spanned!(output.span()=> || (&&&&#probe::<#output>::NEW).kind().describe::<#output>())
}

/// Makes the value of the body something to store. Fails under the return type if no store can hold it.
pub(crate) fn produce(output: &Ident, returns: &Returns, value: &Ident) -> TokenStream {
    let written = &returns.value;
    let span = written.span();
    let probe = paths::probe(span);
    let each = returns.each.as_ref().map(|definition| quote_spanned!(span=> produce_each::<#definition, #written>));
    let produce = each.unwrap_or_else(|| quote_spanned!(span=> produce::<#written>));
    quote_spanned!(span=> (&&&&#probe::<#output>::NEW).kind().#produce(#value))
}

/// Loads an input. Fails under the parameter's type if the upstream's output cannot be loaded as it.
pub(crate) fn load(param: &Param, input: &Input, upstream: &Upstream<'_>, call: &Ident) -> TokenStream {
    let (span, ty) = (param.ident.span(), &param.ty);
    let Upstream { alias, name, .. } = upstream;
    // With the upstream's span, so that of what is no asset it is said once.
    let (probe, asset) = (paths::probe(alias.span()), paths::asset(alias.span()));
    let kind = quote_spanned!(alias.span()=> (&&&&#probe::<<#alias as #asset>::Output>::NEW).kind());
    let load = match (&input.each, &input.previous) {
        (Some((definition, value)), _) => {
            let trait_ = paths::partition_definition(definition.span());
            let map = quote_spanned!(definition.span()=> <#definition as #trait_>::map);
            return quote_spanned!(span=> #map(#kind.load_each::<#value, #alias>(&mut #call, #name)?)?);
        }
        (None, Some(_)) => quote_spanned!(span=> load_previous::<#ty, #alias>),
        (None, None) => quote_spanned!(span=> load::<#ty, #alias>),
    };
    quote_spanned!(span=> #kind.#load(&mut #call, #name)?)
}

/// What asks for a resource, as a constant. Fails under the type if it cannot be shared between threads.
pub(crate) fn resource(constant: &Ident, ty: &Type, name: &str) -> TokenStream {
    let span = ty.span();
    let (parameter, resource) = (paths::resource_parameter(span), paths::resource(span));
    quote_spanned!(span=> const #constant: #parameter<#ty> = #resource::<#ty>(#name);)
}

/// What asks for the configuration, as a constant. Fails under the type if it is none.
pub(crate) fn config(constant: &Ident, ty: &Type, name: &str) -> TokenStream {
    let span = ty.span();
    let (parameter, config) = (paths::config_parameter(span), paths::config(span));
    quote_spanned!(span=> const #constant: #parameter<#ty> = #config::<#ty>(#name);)
}

/// Takes the value out of a `Result`. Fails under the error type if it is not an error.
pub(crate) fn value_of(result: impl ToTokens, error: Span) -> TokenStream {
    let body_error = paths::body_error(error);
    let failure = quote_spanned!(error=>
        ::core::result::Result::Err(__error) => return ::core::result::Result::Err(#body_error(__error)),
    );
    quote_spanned!(Span::call_site()=> match #result {
        ::core::result::Result::Ok(__value) => __value,
        #failure
    })
}
