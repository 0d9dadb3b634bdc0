//! What is written in the parentheses of an attribute.
//!
//! ```text
//! options := option ("," option)* ","?
//! option  := name | name "=" value | name "(" pair ("," pair)* ","? ")"
//! pair    := name "=" literal
//! value   := string | number | bool | path | mapping
//!          | "[" string ("," string)* "]" | "[" number ("," number)* "]" | "[" path ("," path)* "]"
//! ```
//!
//! The options are split at commas before anything else, so that a mistake in one does not hide the others.

mod mapping;
mod options;
mod size;
mod value;

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::LitStr;

use crate::diagnose::Errors;
pub(crate) use mapping::{Mapping, MappingKind};
pub(crate) use options::On;
use options::{Known, Shape};
pub(crate) use value::{Value, segment};

/// The options of one attribute, each valid on its own.
#[derive(Default)]
pub(crate) struct Args {
    given: Vec<(&'static str, Value)>,
    /// Every name that was written, also of those whose value is mistaken.
    written: Vec<Ident>,
}

impl Args {
    /// Parses the options, and leaves out those that are mistaken.
    pub(crate) fn parse(on: On, tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        for option in split(tokens, errors) {
            let name = option.name.to_string();
            let known = match options::find(on, &name) {
                Ok(known) => known,
                Err(message) => {
                    errors.at(&option.name, message);
                    continue;
                }
            };
            if args.ident(&name).is_some() {
                errors.at(&option.name, format!("option `{name}` is given twice"));
                continue;
            }
            args.written.push(option.name.clone());
            match option.value(known) {
                Ok(value) => args.given.push((known.name, value)),
                Err(error) => errors.add(error),
            }
        }
        args
    }

    /// Adds what follows from something else than an option.
    pub(crate) fn add(&mut self, name: &'static str, value: Value) {
        self.given.push((name, value));
    }

    /// Leaves an option out after all.
    pub(crate) fn remove(&mut self, name: &str) {
        self.given.retain(|(given, _)| *given != name);
    }

    /// An option's name where it was written, also if its value is mistaken.
    pub(crate) fn ident(&self, name: &str) -> Option<&Ident> {
        self.written.iter().find(|written| *written == name)
    }

    /// Whether an option was written, but not as it should be.
    pub(crate) fn is_mistaken(&self, name: &str) -> bool {
        self.ident(name).is_some() && self.get(name).is_none()
    }

    /// The names of all options, as they were written.
    pub(crate) fn written(&self) -> &[Ident] {
        &self.written
    }

    /// Whether a flag is set.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Flag(true)))
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<&LitStr> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.given.iter().map(|(name, value)| (*name, value))
    }
}

/// An option before its name and value have been looked at.
struct Written {
    name: Ident,
    rest: Vec<TokenTree>,
}

impl Written {
    fn value(self, known: &Known) -> syn::Result<Value> {
        let Self { name, rest } = self;
        let example = known.shape.example(known.name);
        let missing = || syn::Error::new_spanned(&name, format!("`{name}` needs a value: `{example}`"));
        let mistyped = |tokens: TokenStream| syn::Error::new_spanned(tokens, known.shape.takes(known.name));
        match &rest[..] {
            [] if matches!(known.shape, Shape::Flag | Shape::FlagOrText) => Ok(Value::Flag(true)),
            [] => Err(missing()),
            [TokenTree::Punct(equals)] if equals.as_char() == '=' => Err(missing()),
            [TokenTree::Punct(equals), value @ ..] if equals.as_char() == '=' => {
                let tokens: TokenStream = value.iter().cloned().collect();
                if let [first, next @ TokenTree::Ident(_), ..] = value
                    && value::assigned(known.shape, first.to_token_stream())?.is_some()
                {
                    return Err(syn::Error::new_spanned(next, format!("expected `,` before `{next}`")));
                }
                value::assigned(known.shape, tokens.clone())?.ok_or_else(|| mistyped(tokens))
            }
            [TokenTree::Group(group)]
                if group.delimiter() == Delimiter::Parenthesis
                    && matches!(known.shape, Shape::Pairs | Shape::Tags | Shape::Expression) =>
            {
                value::listed(known.shape, group.stream())
            }
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => Err(mistyped(group.to_token_stream())),
            _ => Err(syn::Error::new_spanned(
                rest.into_iter().collect::<TokenStream>(),
                format!("expected `,` or `= …` after `{name}`"),
            )),
        }
    }
}

/// Splits at the commas. Only names come back; anything else in their place is an error.
fn split(tokens: TokenStream, errors: &mut Errors) -> Vec<Written> {
    let mut options: Vec<Written> = Vec::new();
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for chunk in tokens.split_inclusive(is_comma) {
        let (last, before) = chunk.split_last().unzip();
        let ended = last.is_some_and(is_comma);
        let option = if ended { before.unwrap_or_default() } else { chunk };
        match option {
            [TokenTree::Ident(name), rest @ ..] => options.push(Written { name: name.clone(), rest: rest.to_vec() }),
            [other, ..] => errors.at(other, "expected the name of an option"),
            [] => errors.at_span(last.map_or_else(Span::call_site, TokenTree::span), "expected an option before this comma"),
        }
    }
    options
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}
