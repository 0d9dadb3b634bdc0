//! `#[partitions]`: a type becomes a partition definition, in the same three steps as a function becomes an asset.

mod cron;
mod dimensions;
mod expand;
mod keys;
mod time;
mod valid;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::DeriveInput;

use crate::args::{Args, On};
use crate::diagnose::Errors;
use crate::fallback;
pub(crate) use dimensions::Dimension;
pub(crate) use keys::Variant;
pub(crate) use time::{Every, Time};

/// What the keys are.
pub(crate) enum Kind {
    /// These texts.
    Texts(Vec<syn::LitStr>),
    /// These numbers, as texts.
    Numbers(Vec<syn::LitStr>),
    /// The variants of the type itself.
    Variants(Vec<Variant>),
    /// Windows of time.
    Time(Time),
    /// The set of this name in the run state.
    Dynamic(String),
    /// Every combination of these.
    Dimensions(Vec<Dimension>),
    /// Nobody knows, because of a mistake; the key may still be known.
    Mistaken(Mistaken),
}

/// What is left of a mistaken definition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistaken {
    /// The type of its keys is still known: text.
    Text,
    /// A number.
    Number,
    /// The enum itself.
    Variants,
    /// A date.
    Date,
    /// An instant.
    Moment,
    /// Not even that the type can stand for itself.
    Unusable,
}

/// The expansion.
pub(crate) fn attribute(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    match checked(args, item, &mut errors) {
        Some((item, kind)) => expand::expand(&item, &kind, errors),
        None => fallback::unchanged(item, errors),
    }
}

/// What was written and what it is, if it is a type.
fn checked(args: TokenStream, item: &TokenStream, errors: &mut Errors) -> Option<(DeriveInput, Kind)> {
    let mut item = parse(item, errors)?;
    let args = Args::parse(On::Partitions, args, errors);
    let kind = valid::check(&mut item, &args, errors);
    Some((item, kind))
}

/// Every message, for tests.
#[cfg(test)]
pub(crate) fn messages(args: TokenStream, item: &TokenStream) -> Vec<String> {
    let mut errors = Errors::default();
    let _ = checked(args, item, &mut errors);
    errors.messages()
}

fn parse(item: &TokenStream, errors: &mut Errors) -> Option<DeriveInput> {
    let keyword =
        |token: TokenTree| matches!(&token, TokenTree::Ident(ident) if ident == "struct" || ident == "enum" || ident == "union");
    if !item.clone().into_iter().any(keyword) {
        let written = item.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span());
        let span = Span::call_site().resolved_at(written);
        errors.at_span(
            span,
            "`#[partitions]` belongs on a struct or an enum; an asset names that type, in `#[asset(partitions = …)]`",
        );
        return None;
    }
    // What is no item at all has rustc's own message.
    syn::parse2(item.clone()).map_err(|error| errors.add(error)).ok()
}
