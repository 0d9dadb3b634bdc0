//! The values of options: texts, numbers, lists, paths, durations, sizes, and keys with literals.

use std::time::Duration;

use jiff::SignedDuration;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Lit, LitBool, LitInt, LitStr, Path, Token, token};

use super::{Mapping, Shape, size};
use crate::diagnose::suggestion;
use crate::paths;

/// What an option was given. Texts are not empty, lists have no element twice.
pub(crate) enum Value {
    Text(LitStr),
    Texts(Vec<LitStr>),
    /// The variant.
    Mode(Ident),
    Number(u32),
    Tags(Vec<(String, String)>),
    Pairs(Vec<(String, TokenStream)>),
    Asset(Path),
    Assets(Vec<Path>),
    Definition(Path),
    /// An expression for each dimension.
    Expressions(Vec<(Ident, LitStr)>),
    Mapping(Mapping),
    Flag(bool),
    Integer(i64, LitInt),
    /// The keys, as texts, and whether they are numbers.
    Keys(Vec<LitStr>, bool),
    /// With the text to point at.
    Duration(Duration, LitStr),
    /// Bytes.
    Size(u64),
    /// Whether on any failure.
    RetryOn(bool),
    AssetKeys(Vec<LitStr>),
}

const MODES: [(&str, &str); 5] =
    [("overwrite", "Overwrite"), ("append", "Append"), ("error", "Error"), ("ignore", "Ignore"), ("merge", "Merge")];

/// The value after `=`, or nothing if it is not of this shape at all.
pub(crate) fn assigned(shape: Shape, tokens: TokenStream) -> syn::Result<Option<Value>> {
    let list_tokens = tokens.clone();
    let value = match shape {
        Shape::Text | Shape::Expression | Shape::FlagOrText => syn::parse2(tokens).ok().map(Value::Text),
        Shape::Segments => return segments(tokens).map(checked_segments).transpose(),
        Shape::Texts => list(tokens).map(Value::Texts),
        Shape::Mode => syn::parse2(tokens).ok().map(mode).transpose()?,
        Shape::Number => syn::parse2::<LitInt>(tokens).ok().and_then(|number| number.base10_parse().ok()).map(Value::Number),
        Shape::Tags => return list(tokens).map(|texts: Vec<LitStr>| tags(&texts)).transpose(),
        Shape::Asset => Path::parse_mod_style.parse2(tokens).ok().map(Value::Asset),
        Shape::Assets => path_list(tokens).map(Value::Assets),
        Shape::Definition => Path::parse_mod_style.parse2(tokens).ok().map(Value::Definition),
        Shape::Mapping => return Mapping::parse.parse2(tokens).map(Value::Mapping).map(Some),
        Shape::Flag => syn::parse2::<LitBool>(tokens).ok().map(|flag| Value::Flag(flag.value)),
        Shape::Integer => integer.parse2(tokens).ok().map(|(number, token)| Value::Integer(number, token)),
        Shape::Weekday => match syn::parse2(tokens.clone()) {
            Ok(text) => Some(Value::Text(text)),
            Err(_) => integer.parse2(tokens).ok().map(|(number, token)| Value::Integer(number, token)),
        },
        Shape::Keys => keys(tokens),
        Shape::Duration => text(tokens).and_then(|text| Some(Value::Duration(duration(&text.value())?, text))),
        Shape::Size => text(tokens).and_then(|text| size::bytes(&text.value())).map(Value::Size),
        Shape::RetryOn => text(tokens).and_then(|text| retry_on(&text.value())).map(Value::RetryOn),
        Shape::AssetKeys => text(tokens.clone()).map(|text| vec![text]).or_else(|| list(tokens)).map(Value::AssetKeys),
        Shape::Pairs => None,
    };
    match &value {
        Some(Value::Text(text)) => not_empty(text)?,
        Some(Value::Texts(texts)) => distinct(texts, &list_tokens)?,
        Some(Value::AssetKeys(keys)) => {
            distinct(keys, &list_tokens)?;
            keys.iter().flat_map(split_segments).try_for_each(|one| segment(&one))?;
        }
        _ => {}
    }
    Ok(value)
}

/// The value in parentheses.
pub(crate) fn listed(shape: Shape, tokens: TokenStream) -> syn::Result<Value> {
    if shape == Shape::Expression {
        return expressions.parse2(tokens).map(Value::Expressions);
    }
    let pairs = Punctuated::<Pair, Token![,]>::parse_terminated.parse2(tokens)?;
    for (index, pair) in pairs.iter().enumerate() {
        if pairs.iter().take(index).any(|earlier| earlier.key == pair.key) {
            return Err(syn::Error::new_spanned(&pair.key, format!("`{}` is given twice", pair.key.unraw())));
        }
    }
    if shape == Shape::Tags {
        return pairs.into_iter().map(Pair::tag).collect::<syn::Result<_>>().map(Value::Tags);
    }
    let pairs = pairs.into_iter().map(|pair| Ok((pair.key.unraw().to_string(), pair.literal()?)));
    pairs.collect::<syn::Result<_>>().map(Value::Pairs)
}

/// `key = literal`.
struct Pair {
    key: Ident,
    minus: Option<Token![-]>,
    value: Lit,
}

impl Parse for Pair {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let expected = |what: &str, example: &str| format!("expected {what}, as in `{example}`");
        let key =
            input.call(Ident::parse_any).map_err(|error| syn::Error::new(error.span(), expected("a key", "key = \"…\"")))?;
        input
            .parse::<Token![=]>()
            .map_err(|error| syn::Error::new(error.span(), expected("`=` and a literal", &format!("{key} = \"…\""))))?;
        let minus = input.parse()?;
        let value = input.parse().map_err(|error: syn::Error| {
            syn::Error::new(error.span(), "expected a literal: a text, a number, `true` or `false`")
        })?;
        Ok(Self { key, minus, value })
    }
}

impl Pair {
    fn literal(&self) -> syn::Result<TokenStream> {
        let literal = paths::literal(Span::call_site());
        let Self { minus, value, .. } = self;
        let too_large = |_| syn::Error::new_spanned(value, "this number does not fit into 64 bits");
        Ok(match value {
            Lit::Str(text) if minus.is_none() => quote!(#literal::Text(#text)),
            Lit::Bool(truth) if minus.is_none() => quote!(#literal::Bool(#truth)),
            Lit::Int(number) => {
                let number: i64 =
                    format!("{}{}", minus.map_or("", |_| "-"), number.base10_digits()).parse().map_err(too_large)?;
                quote!(#literal::Int(#number))
            }
            Lit::Float(number) => {
                let number: f64 = number.base10_parse()?;
                let number = if minus.is_some() { -number } else { number };
                quote!(#literal::Float(#number))
            }
            _ => return Err(syn::Error::new_spanned(value, "expected a text, a number, `true` or `false`")),
        })
    }

    fn tag(self) -> syn::Result<(String, String)> {
        match self.value {
            Lit::Str(text) if self.minus.is_none() => Ok((self.key.unraw().to_string(), text.value())),
            other => Err(syn::Error::new_spanned(other, "a tag takes a text, for example `team = \"bio\"`")),
        }
    }
}

/// An expression for each dimension.
fn expressions(input: ParseStream) -> syn::Result<Vec<(Ident, LitStr)>> {
    let pair = |input: ParseStream| {
        let missing =
            |error: syn::Error| syn::Error::new(error.span(), "expected a dimension and its expression, as in `date = \"day\"`");
        let name = input.call(Ident::parse_any).map_err(missing)?;
        input.parse::<Token![=]>().map_err(missing)?;
        let no_text =
            |error: syn::Error| syn::Error::new(error.span(), format!("an expression is a text, for example `{name} = \"day\"`"));
        let text = input.parse().map_err(no_text)?;
        not_empty(&text)?;
        Ok((name, text))
    };
    if input.is_empty() {
        pair(input)?;
    }
    let pairs: Vec<(Ident, LitStr)> = Punctuated::<_, Token![,]>::parse_terminated_with(input, pair)?.into_iter().collect();
    for (index, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
            return Err(syn::Error::new_spanned(name, format!("`{}` is given twice", name.unraw())));
        }
    }
    Ok(pairs)
}

/// A number with its sign, and the token to point at.
pub(crate) fn integer(input: ParseStream) -> syn::Result<(i64, LitInt)> {
    let minus: Option<Token![-]> = input.parse()?;
    let number: LitInt = input.parse()?;
    let value = format!("{}{}", minus.map_or("", |_| "-"), number.base10_digits()).parse();
    let value = value.map_err(|_| syn::Error::new_spanned(&number, "this number does not fit into 64 bits"))?;
    Ok((value, number))
}

/// A key: a text, or a number in the place of one.
pub(crate) fn key(input: ParseStream) -> syn::Result<LitStr> {
    if input.peek(LitStr) {
        return input.parse();
    }
    let (number, token) = integer(input)?;
    Ok(LitStr::new(&number.to_string(), token.span()))
}

fn keys(tokens: TokenStream) -> Option<Value> {
    if let Some(texts) = list(tokens.clone()) {
        return Some(Value::Keys(texts, false));
    }
    let numbers: Vec<(i64, LitInt)> = elements(tokens, integer)?;
    let texts = numbers.iter().map(|(number, token)| LitStr::new(&number.to_string(), token.span())).collect();
    Some(Value::Keys(texts, true))
}

fn segments(tokens: TokenStream) -> Option<Vec<LitStr>> {
    let Ok(text) = syn::parse2::<LitStr>(tokens.clone()) else { return list(tokens) };
    Some(split_segments(&text))
}

fn split_segments(key: &LitStr) -> Vec<LitStr> {
    key.value().split('/').map(|segment| LitStr::new(segment, key.span())).collect()
}

fn checked_segments(segments: Vec<LitStr>) -> syn::Result<Value> {
    segments.iter().try_for_each(segment)?;
    Ok(Value::Texts(segments))
}

/// Whether a text can be a segment of an asset key: the rule of the runtime's `AssetKey`.
pub(crate) fn segment(text: &LitStr) -> syn::Result<()> {
    let value = text.value();
    if value.is_empty() {
        return Err(syn::Error::new_spanned(text, "a segment of an asset key is empty"));
    }
    if value.contains(|c: char| c == '/' || c.is_control()) {
        let message = format!("{value:?} cannot be a segment of an asset key; leave out `/` and control characters");
        return Err(syn::Error::new_spanned(text, message));
    }
    Ok(())
}

fn text(tokens: TokenStream) -> Option<LitStr> {
    syn::parse2(tokens).ok()
}

/// Not below zero.
fn duration(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>().ok().and_then(|duration| duration.try_into().ok())
}

fn retry_on(text: &str) -> Option<bool> {
    match text {
        "any" => Some(true),
        "retryable" => Some(false),
        _ => None,
    }
}

fn mode(text: LitStr) -> syn::Result<Value> {
    let written = text.value();
    let Some((_, variant)) = MODES.iter().find(|(name, _)| *name == written) else {
        let near = suggestion(&written, "modes", MODES.iter().map(|(name, _)| *name));
        return Err(syn::Error::new_spanned(text, format!("unknown mode `{written}`{near}")));
    };
    Ok(Value::Mode(Ident::new(variant, Span::call_site())))
}

fn tags(texts: &[LitStr]) -> syn::Result<Value> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for text in texts {
        not_empty(text)?;
        let tag = text.value();
        let (key, value) = tag.split_once('=').unwrap_or((&tag, ""));
        if tags.iter().any(|(earlier, _)| earlier == key) {
            return Err(syn::Error::new_spanned(text, format!("tag `{key}` is given twice")));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    Ok(Value::Tags(tags))
}

fn list<T: Parse>(tokens: TokenStream) -> Option<Vec<T>> {
    elements(tokens, T::parse)
}

fn path_list(tokens: TokenStream) -> Option<Vec<Path>> {
    elements(tokens, Path::parse_mod_style)
}

pub(crate) fn elements<T>(tokens: TokenStream, element: fn(ParseStream) -> syn::Result<T>) -> Option<Vec<T>> {
    let parser = |input: ParseStream| {
        let content;
        let _: token::Bracket = syn::bracketed!(content in input);
        content.parse_terminated(element, Token![,])
    };
    parser.parse2(tokens).ok().map(|elements| elements.into_iter().collect())
}

fn not_empty(text: &LitStr) -> syn::Result<()> {
    if text.value().trim().is_empty() { Err(syn::Error::new_spanned(text, "this text is empty")) } else { Ok(()) }
}

fn distinct(texts: &[LitStr], list: &TokenStream) -> syn::Result<()> {
    if texts.is_empty() {
        return Err(syn::Error::new_spanned(list, "this list is empty"));
    }
    for (index, text) in texts.iter().enumerate() {
        not_empty(text)?;
        if texts.iter().take(index).any(|earlier| earlier.value() == text.value()) {
            return Err(syn::Error::new_spanned(text, format!("`{}` is given twice", text.value())));
        }
    }
    Ok(())
}
