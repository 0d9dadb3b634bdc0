//! The rules, each a small check. All of them are applied, so that independent mistakes are reported together.

mod params;
mod partitions;
mod returns;
mod signature;

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::LitStr;
use syn::ext::IdentExt;

use crate::args::{self, Args, On, Value};
use crate::ast::Item;
use crate::diagnose::Errors;
pub(crate) use params::{Input, Kind, Param};
pub(crate) use partitions::{Definition, Expression, Partitioning};
pub(crate) use returns::Returns;

/// An asset that can be expanded, perhaps with mistakes in details that have been left out.
pub(crate) struct Asset {
    /// What is emitted for the function; nothing for an external asset.
    pub(crate) item: Item,
    pub(crate) external: bool,
    /// The segments of the key.
    pub(crate) key: Vec<String>,
    pub(crate) args: Args,
    pub(crate) params: Vec<Param>,
    pub(crate) returns: Returns,
    pub(crate) partitioning: Partitioning,
}

/// An asset whose signature says too little to expand it.
pub(crate) struct Unusable {
    pub(crate) item: Item,
    /// Whether the function itself compiles, so that emitting it adds no error.
    pub(crate) function: bool,
    /// Whether a type of the asset's name can stand beside it.
    pub(crate) marker: bool,
}

/// Names that mean a primitive type wherever a type is expected.
const PRIMITIVES: [&str; 19] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f16", "f32",
    "f64", "f128",
];

/// Applies every rule.
pub(crate) fn validate(on: On, mut args: Args, mut item: Item, errors: &mut Errors) -> Result<Asset, Box<Unusable>> {
    check_once(&mut item, errors);
    check_name(&mut args, errors);
    check_timeout(&args, errors);
    check_priority(&args, errors);
    let input_attrs = item.take_input_attrs();
    let signature = signature::check(on, &item, errors);
    let returns = returns::check(on, &item, errors);
    let params = if on == On::Asset { params::check(&item, input_attrs, errors) } else { Vec::new() };
    match (signature, returns) {
        (Ok(()), Some(returns)) => {
            let key = key(&args, &item.sig.ident);
            check_aliases(&key, &args, errors);
            let description = args.get("description").is_none().then(|| item.doc()).flatten();
            if let Some(doc) = description {
                args.add("description", Value::Text(LitStr::new(&doc, item.sig.ident.span())));
            }
            let partitioning = partitions::check(&item, &args, &params, &returns, errors);
            Ok(Asset { external: on == On::External, key, args, params, returns, partitioning, item })
        }
        (Err(rest), _) => Err(Box::new(rest.with(item))),
        (Ok(()), None) => Err(Box::new(Unusable { function: on == On::Asset, marker: true, item })),
    }
}

/// The type's path, with what macros wrap around a fragment taken off.
pub(crate) fn bare(ty: &syn::Type) -> &syn::Type {
    match ty {
        syn::Type::Group(group) => bare(&group.elem),
        syn::Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

/// The last segment of the type's path.
pub(crate) fn last_segment(ty: &syn::Type) -> Option<&syn::PathSegment> {
    match bare(ty) {
        syn::Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

/// The definition and the values of a `Partitions` map.
fn each(ty: &syn::Type) -> Option<(syn::Type, syn::Type)> {
    let last = last_segment(ty).filter(|last| last.ident == "Partitions")?;
    match &type_arguments(last)[..] {
        [definition, value] => Some(((*definition).clone(), (*value).clone())),
        _ => None,
    }
}

/// The types in the angle brackets of a path segment.
pub(crate) fn type_arguments(segment: &syn::PathSegment) -> Vec<&syn::Type> {
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Vec::new() };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

pub(crate) fn is_primitive(ident: &Ident) -> bool {
    PRIMITIVES.iter().any(|primitive| ident == primitive)
}

/// The first token `impl` in a type, however deep.
fn impl_token(ty: &impl ToTokens) -> Option<Ident> {
    fn search(tokens: TokenStream) -> Option<Ident> {
        tokens.into_iter().find_map(|token| match token {
            proc_macro2::TokenTree::Ident(ident) if ident == "impl" => Some(ident),
            proc_macro2::TokenTree::Group(group) => search(group.stream()),
            _ => None,
        })
    }
    search(ty.to_token_stream())
}

fn check_once(item: &mut Item, errors: &mut Errors) {
    for repeated in item.take_repeated() {
        errors.at(&repeated, format!("`#[{}]` is on this function already", last_ident(repeated.path())));
    }
}

fn last_ident(path: &syn::Path) -> String {
    path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

fn check_name(args: &mut Args, errors: &mut Errors) {
    let Some(Value::Text(name)) = args.get("name") else { return };
    if let Err(error) = args::segment(name) {
        errors.add(error);
        args.remove("name");
    }
}

fn check_timeout(args: &Args, errors: &mut Errors) {
    if let Some(Value::Duration(Duration::ZERO, text)) = args.get("timeout") {
        errors.at(text, "a timeout of nothing stops every step as it begins; leave `timeout` out to have none");
    }
}

fn check_priority(args: &Args, errors: &mut Errors) {
    let Some(Value::Integer(number, token)) = args.get("priority") else { return };
    if i32::try_from(*number).is_err() {
        errors.at(token, format!("a priority is from {} to {}", i32::MIN, i32::MAX));
    }
}

fn check_aliases(key: &[String], args: &Args, errors: &mut Errors) {
    let Some(Value::AssetKeys(aliases)) = args.get("alias") else { return };
    for alias in aliases.iter().filter(|alias| alias.value() == key.join("/")) {
        errors.at(alias, format!("`{}` is the key of this asset; an alias is one that it had before", alias.value()));
    }
}

fn key(args: &Args, ident: &Ident) -> Vec<String> {
    let mut key = match args.get("key_prefix") {
        Some(Value::Texts(prefix)) => prefix.iter().map(LitStr::value).collect(),
        _ => Vec::new(),
    };
    key.push(match args.get("name") {
        Some(Value::Text(name)) => name.value(),
        _ => ident.unraw().to_string(),
    });
    key
}
