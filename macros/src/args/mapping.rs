//! The mapping of an input.
//!
//! ```text
//! mapping := "identity" | "all" | "last" | "overlap"
//!          | "offset" "(" number ("," number)? ")"
//!          | "keys" "(" key ("," key)* ","? ")"
//!          | "map" "(" key "=" keys ("," key "=" keys)* ","? ")"
//!          | "dimensions" "(" name "=" mapping ("," name "=" mapping)* ","? ")"
//! keys    := key | "[" key ("," key)* ","? "]"
//! ```

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{LitStr, Token, token};

use super::value::{integer, key};
use crate::diagnose::suggestion;
use crate::paths;

/// A mapping, as it was written.
#[derive(Clone)]
pub(crate) struct Mapping {
    /// Its first word.
    pub(crate) name: Ident,
    pub(crate) kind: MappingKind,
}

/// What it says.
#[derive(Clone)]
pub(crate) enum MappingKind {
    Identity,
    All,
    Last,
    Overlap,
    Offset(i64, i64),
    Keys(Vec<LitStr>),
    Map(Vec<(LitStr, Vec<LitStr>)>),
    Dimensions(Vec<(Ident, Mapping)>),
}

/// The words that a mapping begins with.
pub(crate) const NAMES: &[&str] = &["identity", "all", "last", "overlap", "offset", "keys", "map", "dimensions"];

/// One that begins with this word.
pub(crate) fn example(name: &str) -> &str {
    match name {
        "offset" => "offset(-1)",
        "keys" => "keys(\"a\", \"b\")",
        "map" => "map(\"a\" = \"b\")",
        "dimensions" => "dimensions(date = offset(-1))",
        plain => plain,
    }
}

impl Mapping {
    /// Parses all of the input.
    pub(crate) fn parse(input: ParseStream) -> syn::Result<Self> {
        let mapping = Self::first(input)?;
        if input.is_empty() {
            return Ok(mapping);
        }
        Err(input.error(format!("expected `,` after the mapping `{}`", mapping.name)))
    }

    fn first(input: ParseStream) -> syn::Result<Self> {
        let expected = |_| input.error("expected a mapping, for example `offset(-1)`");
        let name = input.call(Ident::parse_any).map_err(expected)?;
        let word = name.to_string();
        if !NAMES.contains(&&*word) {
            let near = suggestion(&word, "mappings", NAMES.iter().copied());
            return Err(syn::Error::new_spanned(&name, format!("unknown mapping `{word}`{near}")));
        }
        let plain = match &*word {
            "identity" => Some(MappingKind::Identity),
            "all" => Some(MappingKind::All),
            "last" => Some(MappingKind::Last),
            "overlap" => Some(MappingKind::Overlap),
            _ => None,
        };
        let in_parentheses = input.peek(token::Paren);
        let kind = match plain {
            Some(_) if in_parentheses => {
                return Err(syn::Error::new_spanned(&name, format!("`{word}` stands alone, without parentheses")));
            }
            Some(plain) => plain,
            None if !in_parentheses => {
                let example = example(&word);
                return Err(syn::Error::new_spanned(&name, format!("`{word}` needs parentheses, for example `{example}`")));
            }
            None => {
                let content;
                syn::parenthesized!(content in input);
                if content.is_empty() {
                    let example = example(&word);
                    return Err(syn::Error::new_spanned(&name, format!("`{word}` is empty; write for example `{example}`")));
                }
                match &*word {
                    "offset" => offset(&content)?,
                    "keys" => MappingKind::Keys(keys(&content)?),
                    "map" => map(&content)?,
                    _ => dimensions(&content)?,
                }
            }
        };
        Ok(Self { name, kind })
    }

    /// The value of the runtime's type.
    pub(crate) fn tokens(&self) -> TokenStream {
        let def = paths::mapping_def(self.name.span());
        match &self.kind {
            MappingKind::Identity => quote!(#def::Identity),
            MappingKind::All => quote!(#def::All),
            MappingKind::Last => quote!(#def::Last),
            MappingKind::Overlap => quote!(#def::Overlap),
            MappingKind::Offset(start, end) => quote!(#def::Offset(#start, #end)),
            MappingKind::Keys(keys) => quote!(#def::Keys(&[#(#keys),*])),
            MappingKind::Map(pairs) => {
                let pairs = pairs.iter().map(|(down, up)| quote!((#down, &[#(#up),*])));
                quote!(#def::Map(&[#(#pairs),*]))
            }
            MappingKind::Dimensions(all) => {
                let all = all.iter().map(|(name, mapping)| {
                    let (name, mapping) = (name.unraw().to_string(), mapping.tokens());
                    quote!((#name, #mapping))
                });
                quote!(#def::Dimensions(&[#(#all),*]))
            }
        }
    }
}

fn offset(input: ParseStream) -> syn::Result<MappingKind> {
    let expected = |error: syn::Error| {
        syn::Error::new(error.span(), "expected how many windows, as in `offset(-1)` or, from and to, `offset(-6, 0)`")
    };
    let (start, token) = integer(input).map_err(expected)?;
    let mut end = start;
    if !input.is_empty() {
        input.parse::<Token![,]>().map_err(expected)?;
        if !input.is_empty() {
            end = integer(input).map_err(expected)?.0;
        }
        input.parse::<Option<Token![,]>>()?;
    }
    if !input.is_empty() {
        return Err(expected(input.error("")));
    }
    if end < start {
        let message = format!("this range ends before it begins; write `offset({end}, {start})`");
        return Err(syn::Error::new_spanned(token, message));
    }
    Ok(MappingKind::Offset(start, end))
}

fn keys(input: ParseStream) -> syn::Result<Vec<LitStr>> {
    let one = |input: ParseStream| {
        let expected = |error: syn::Error| syn::Error::new(error.span(), "expected a key, for example `\"a\"`");
        key(input).map_err(expected)
    };
    let keys = Punctuated::<LitStr, Token![,]>::parse_terminated_with(input, one)?;
    let keys: Vec<LitStr> = keys.into_iter().collect();
    distinct(&keys)?;
    Ok(keys)
}

fn map(input: ParseStream) -> syn::Result<MappingKind> {
    let pair = |input: ParseStream| {
        let expected =
            |error: syn::Error| syn::Error::new(error.span(), "expected `\"key of this asset\" = \"key of the input\"`");
        let down = key(input).map_err(expected)?;
        input.parse::<Token![=]>().map_err(expected)?;
        if !input.peek(token::Bracket) {
            return Ok((down, vec![key(input).map_err(expected)?]));
        }
        let content;
        syn::bracketed!(content in input);
        Ok((down, keys(&content)?))
    };
    let pairs = Punctuated::<(LitStr, Vec<LitStr>), Token![,]>::parse_terminated_with(input, pair)?;
    let pairs: Vec<_> = pairs.into_iter().collect();
    distinct(&pairs.iter().map(|(down, _)| down.clone()).collect::<Vec<_>>())?;
    Ok(MappingKind::Map(pairs))
}

fn dimensions(input: ParseStream) -> syn::Result<MappingKind> {
    let pair = |input: ParseStream| {
        let expected =
            |error: syn::Error| syn::Error::new(error.span(), "expected a dimension and its mapping, as in `date = offset(-1)`");
        let name = input.call(Ident::parse_any).map_err(expected)?;
        input.parse::<Token![=]>().map_err(expected)?;
        let mapping = Mapping::first(input)?;
        if matches!(mapping.kind, MappingKind::Dimensions(_)) {
            return Err(syn::Error::new_spanned(&mapping.name, "a dimension has no dimensions itself"));
        }
        Ok((name, mapping))
    };
    let pairs = Punctuated::<(Ident, Mapping), Token![,]>::parse_terminated_with(input, pair)?;
    let pairs: Vec<_> = pairs.into_iter().collect();
    for (index, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
            return Err(syn::Error::new_spanned(name, format!("`{name}` is given twice")));
        }
    }
    Ok(MappingKind::Dimensions(pairs))
}

fn distinct(keys: &[LitStr]) -> syn::Result<()> {
    for (index, key) in keys.iter().enumerate() {
        if keys.iter().take(index).any(|earlier| earlier.value() == key.value()) {
            return Err(syn::Error::new_spanned(key, format!("`{}` is given twice", key.value())));
        }
    }
    Ok(())
}
