//! The values of options: texts, numbers, lists, paths, and keys with literals.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Lit, LitInt, LitStr, Path, Token, token};

use super::Shape;
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
}

const MODES: [(&str, &str); 5] =
    [("overwrite", "Overwrite"), ("append", "Append"), ("error", "Error"), ("ignore", "Ignore"), ("merge", "Merge")];

/// The value after `=`, or nothing if it is not of this shape at all.
pub(crate) fn assigned(shape: Shape, tokens: TokenStream) -> syn::Result<Option<Value>> {
    let list_tokens = tokens.clone();
    let value = match shape {
        Shape::Text => syn::parse2(tokens).ok().map(Value::Text),
        Shape::Segments => return segments(tokens).map(checked_segments).transpose(),
        Shape::Texts => list(tokens).map(Value::Texts),
        Shape::Mode => syn::parse2(tokens).ok().map(mode).transpose()?,
        Shape::Number => syn::parse2::<LitInt>(tokens).ok().and_then(|number| number.base10_parse().ok()).map(Value::Number),
        Shape::Tags => return list(tokens).map(|texts: Vec<LitStr>| tags(&texts)).transpose(),
        Shape::Asset => Path::parse_mod_style.parse2(tokens).ok().map(Value::Asset),
        Shape::Assets => path_list(tokens).map(Value::Assets),
        Shape::Pairs => None,
    };
    match &value {
        Some(Value::Text(text)) => not_empty(text)?,
        Some(Value::Texts(texts)) => distinct(texts, &list_tokens)?,
        _ => {}
    }
    Ok(value)
}

/// The value in parentheses.
pub(crate) fn listed(shape: Shape, tokens: TokenStream) -> syn::Result<Value> {
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

fn segments(tokens: TokenStream) -> Option<Vec<LitStr>> {
    let Ok(text) = syn::parse2::<LitStr>(tokens.clone()) else { return list(tokens) };
    let segments = text.value();
    Some(segments.split('/').map(|segment| LitStr::new(segment, text.span())).collect())
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

fn elements<T>(tokens: TokenStream, element: fn(ParseStream) -> syn::Result<T>) -> Option<Vec<T>> {
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
