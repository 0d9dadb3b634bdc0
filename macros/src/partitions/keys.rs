//! Static keys: listed, or as the variants of an enum.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, DataEnum, Expr, ExprLit, Fields, Lit, LitStr, Meta};

use crate::diagnose::Errors;

/// A variant as a key.
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) key: LitStr,
}

/// Checks a list of keys; whether they can be keys.
pub(crate) fn check(keys: &[LitStr], errors: &mut Errors) -> bool {
    let before = errors.count();
    for (index, key) in keys.iter().enumerate() {
        check_key(key, key, errors);
        if keys.iter().take(index).any(|earlier| earlier.value() == key.value()) {
            errors.at(key, format!("key `{}` is given twice", key.value()));
        }
    }
    errors.count() == before
}

/// The variants as keys, if all of them can be; takes their `#[key]`s away.
pub(crate) fn check_variants(item: &Ident, data: &mut DataEnum, errors: &mut Errors) -> Option<Vec<Variant>> {
    let before = errors.count();
    let mut variants: Vec<Variant> = Vec::new();
    if data.variants.is_empty() {
        errors.at(item, format!("`{item}` has no variants, so no keys"));
    }
    for variant in &mut data.variants {
        let attrs: Vec<Attribute> = variant.attrs.extract_if(.., |attr| attr.path().is_ident("key")).collect();
        let ident = &variant.ident;
        if !matches!(variant.fields, Fields::Unit) {
            errors.at(&variant.fields, format!("a key has no data, so `{ident}` is a variant without fields"));
        }
        for cfg in variant.attrs.iter().filter(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr")) {
            errors.at(cfg, "a key cannot be conditional; put the condition on the definition");
        }
        let own = LitStr::new(&ident.unraw().to_string(), ident.span());
        let key = match key_of(attrs, errors) {
            Ok(key) => key.unwrap_or(own),
            Err(()) => continue,
        };
        check_key(&key, &key, errors);
        if let Some(earlier) = variants.iter().find(|earlier| earlier.key.value() == key.value()) {
            errors.at(&key, format!("`{}` and `{ident}` have the same key `{}`", earlier.ident, key.value()));
        }
        variants.push(Variant { ident: ident.clone(), key });
    }
    (errors.count() == before).then_some(variants)
}

/// The text of `#[key = "…"]`.
fn key_of(attrs: Vec<Attribute>, errors: &mut Errors) -> Result<Option<LitStr>, ()> {
    let mut attrs = attrs.into_iter();
    let Some(attr) = attrs.next() else { return Ok(None) };
    if let Some(repeated) = attrs.next() {
        errors.at(repeated, "`#[key]` is given twice");
        return Err(());
    }
    match &attr.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => return Ok(Some(text.clone())),
            other => errors.at(other, "a key is a text, as in `#[key = \"a\"]`"),
        },
        other => errors.at(other, "a key is given as `#[key = \"a\"]`"),
    }
    Err(())
}

fn check_key(key: &LitStr, at: &impl ToTokens, errors: &mut Errors) {
    let text = key.value();
    if text.is_empty() {
        errors.at(at, "a key is not empty");
    } else if text.chars().any(char::is_control) {
        errors.at(at, format!("{text:?} cannot be a key; leave out control characters"));
    }
}
