//! What the parameters ask for: upstream assets by their name, and a few special types by theirs.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, LitStr, Meta, Pat, Path, Type};

use super::{bare, each, impl_token, is_primitive, last_segment, type_arguments};
use crate::args::{Args, Mapping, On, Value};
use crate::ast::Item;
use crate::diagnose::Errors;

/// A parameter.
pub(crate) struct Param {
    pub(crate) ident: Ident,
    /// Whether it is taken by `&`.
    pub(crate) by_ref: bool,
    /// The type without the `&`.
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
}

/// What a parameter asks for.
pub(crate) enum Kind {
    Context,
    /// With what is in its angle brackets.
    Resource(Type),
    /// With what is in its angle brackets.
    Config(Type),
    /// With the definition in its angle brackets.
    Partition(Type),
    /// With the definition in its angle brackets.
    PartitionSet(Type),
    Input(Box<Input>),
    /// Something mistaken, which has been reported or which rustc reports by itself.
    Broken,
}

/// An upstream asset.
pub(crate) struct Input {
    /// The asset, in the user's own tokens.
    pub(crate) path: Path,
    pub(crate) columns: Option<Vec<LitStr>>,
    /// Whether nothing stored is no error.
    pub(crate) optional: bool,
    /// If it is a map: the definition, and what there is for each partition.
    pub(crate) each: Option<(Type, Type)>,
    pub(crate) mapping: Option<Mapping>,
    /// Whether a mapping was written that is none.
    pub(crate) mapping_is_mistaken: bool,
    pub(crate) allow_missing: bool,
    pub(crate) version: Option<i64>,
    /// The option `previous`, for an earlier partition of the asset itself.
    pub(crate) previous: Option<Ident>,
}

/// Checks each parameter; `input_attrs` are its `#[input]`s.
pub(crate) fn check(item: &Item, input_attrs: Vec<Vec<Attribute>>, errors: &mut Errors) -> Vec<Param> {
    let mut params: Vec<Param> = Vec::new();
    for (arg, attrs) in item.sig.inputs.iter().zip(input_attrs) {
        let FnArg::Typed(typed) = arg else { continue };
        for attr in typed.attrs.iter().filter(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr")) {
            errors.at(attr, "a parameter cannot be conditional; put the condition on the asset");
        }
        let options = input_args(attrs, errors);
        let Some(ident) = check_pattern(&typed.pat, errors) else { continue };
        let mut param = param(&item.sig.ident, ident.clone(), &typed.ty, options.as_ref(), errors);
        // rustc says that two parameters have one name; two fields of one name would only say it again.
        if params.iter().any(|earlier| earlier.ident == param.ident) {
            param.kind = Kind::Broken;
        }
        if matches!(param.kind, Kind::Config(_)) && params.iter().any(|param| matches!(param.kind, Kind::Config(_))) {
            errors.at(&typed.ty, "an asset has one configuration; put the fields of both into one struct");
        }
        params.push(param);
    }
    // Patterns that are no identifiers leave a hole, and so the call could not be written.
    if params.len() < item.sig.inputs.len() {
        let ident = Ident::new("__hole", proc_macro2::Span::call_site());
        params.push(Param { ident, by_ref: false, ty: syn::parse_quote!(()), kind: Kind::Broken });
    }
    params
}

/// The options of a parameter's `#[input]`, if it has one.
fn input_args(attrs: Vec<Attribute>, errors: &mut Errors) -> Option<(Attribute, Args)> {
    let mut attrs = attrs.into_iter();
    let attr = attrs.next()?;
    for repeated in attrs {
        errors.at(repeated, "`#[input]` is given twice");
    }
    let tokens = match &attr.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => proc_macro2::TokenStream::new(),
    };
    if tokens.is_empty() {
        errors.at(&attr, "`#[input]` needs an option: `from = path::to::asset` or `columns = [\"…\"]`");
    }
    let args = Args::parse(On::Input, tokens, errors);
    Some((attr, args))
}

fn check_pattern<'a>(pattern: &'a Pat, errors: &mut Errors) -> Option<&'a Ident> {
    match pattern {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => return Some(&pattern.ident),
        Pat::Wild(wild) => errors.at(wild, "name the parameter after the asset it loads"),
        other => errors.at(other, "a parameter is one name, the asset it loads; take it apart in the body"),
    }
    None
}

fn param(asset: &Ident, ident: Ident, written: &Type, options: Option<&(Attribute, Args)>, errors: &mut Errors) -> Param {
    let (by_ref, ty) = match bare(written) {
        Type::Reference(reference) => (true, bare(&reference.elem)),
        other => (false, other),
    };
    let special = last_segment(ty).and_then(|last| special(last, written, by_ref, errors));
    let kind = match special {
        Some(kind) => {
            if let Some((attr, _)) = options {
                errors.at(attr, "not expected here; `#[input]` belongs on a parameter that loads an asset");
            }
            kind
        }
        None => input(asset, &ident, written, ty, options.map(|(_, args)| args), errors),
    };
    Param { ident, by_ref, ty: ty.clone(), kind }
}

/// What a parameter of a special type asks for.
fn special(last: &syn::PathSegment, written: &Type, by_ref: bool, errors: &mut Errors) -> Option<Kind> {
    let argument = || type_arguments(last).first().map(|ty| (*ty).clone());
    let mutable = || matches!(bare(written), Type::Reference(reference) if reference.mutability.is_some());
    match last.ident.to_string().as_str() {
        "Context" if by_ref && !mutable() => Some(Kind::Context),
        "Context" => {
            errors.at(written, "take `&Context`");
            Some(Kind::Broken)
        }
        name @ ("Resource" | "Config" | "Partition" | "PartitionSet") if mutable() => {
            errors.at(written, format!("take the `{name}` by value or by `&`"));
            Some(Kind::Broken)
        }
        // Without an argument rustc has the better message.
        "Resource" => Some(argument().map_or(Kind::Broken, Kind::Resource)),
        "Config" => Some(argument().map_or(Kind::Broken, Kind::Config)),
        "Partition" => Some(argument().map_or(Kind::Broken, Kind::Partition)),
        "PartitionSet" => Some(argument().map_or(Kind::Broken, Kind::PartitionSet)),
        _ => None,
    }
}

fn input(asset: &Ident, ident: &Ident, written: &Type, ty: &Type, args: Option<&Args>, errors: &mut Errors) -> Kind {
    let previous = args.and_then(|args| args.ident("previous").filter(|_| args.flag("previous")));
    let path = match (args.and_then(|args| args.get("from")), previous) {
        (Some(Value::Asset(path)), None) => path.clone(),
        (Some(Value::Asset(path)), Some(_)) => {
            errors.at(path, "`previous` loads the asset itself; leave out `from`");
            return Kind::Broken;
        }
        (_, Some(_)) => {
            let mut asset = asset.clone();
            asset.set_span(ident.span());
            Path::from(asset)
        }
        _ => Path::from(ident.clone()),
    };
    let path_is_usable = check_primitive(&path, errors);
    let columns = match args.and_then(|args| args.get("columns")) {
        Some(Value::Texts(columns)) => Some(columns.clone()),
        _ => None,
    };
    let mapping = match args.and_then(|args| args.get("mapping")) {
        Some(Value::Mapping(mapping)) => Some(mapping.clone()),
        _ => None,
    };
    let version = match args.and_then(|args| args.get("version")) {
        Some(Value::Integer(number, token)) => {
            if *number < 0 {
                errors.at(token, "a version of a table is 0 or more");
            }
            Some(*number)
        }
        _ => None,
    };
    let type_is_usable = check_type(written, ty, errors);
    let each = each(ty);
    let is_option = |ty: &Type| last_segment(ty).is_some_and(|last| last.ident == "Option");
    if let Some((_, value)) = each.as_ref().filter(|(_, value)| is_option(value)) {
        let fix = "a map leaves out what is missing, with `#[input(allow_missing)]`; take the type without `Option`";
        errors.at(value, fix);
        return Kind::Broken;
    }
    if !path_is_usable || !type_is_usable {
        return Kind::Broken;
    }
    Kind::Input(Box::new(Input {
        path,
        columns,
        optional: is_option(ty) || previous.is_some(),
        each,
        mapping,
        mapping_is_mistaken: args.is_some_and(|args| args.is_mistaken("mapping")),
        allow_missing: args.is_some_and(|args| args.flag("allow_missing")),
        version,
        previous: previous.cloned(),
    }))
}

fn check_primitive(path: &Path, errors: &mut Errors) -> bool {
    let Some(ident) = path.get_ident().filter(|ident| is_primitive(ident)) else { return true };
    let fix = "rename the asset, or use `#[input(from = …)]`";
    errors.at(ident, format!("`{ident}` is a primitive type, so no asset has that name; {fix}"));
    false
}

fn check_type(written: &Type, ty: &Type, errors: &mut Errors) -> bool {
    if let Type::Reference(reference) = bare(written) {
        if reference.mutability.is_some() {
            errors.at(written, "an input is loaded for this call alone; take it by value or by `&`");
            return false;
        }
        // Any other is declared by the function, which has a message of its own.
        if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static") {
            errors.at(lifetime, "an input lives as long as the call; take it by `&` without a lifetime");
            return false;
        }
    }
    match ty {
        Type::Slice(slice) => {
            let element = slice.elem.to_token_stream();
            errors.at(written, format!("an input is loaded as an owned value; take `&Vec<{element}>` or `Vec<{element}>`"));
        }
        Type::Path(path) if path.path.is_ident("str") => {
            errors.at(written, "an input is loaded as an owned value; take `&String` or `String`");
        }
        // The signature's rules have said so.
        _ if impl_token(ty).is_some() => {}
        Type::TraitObject(_) => errors.at(written, "an input is loaded as an owned value; name its type instead of `dyn …`"),
        Type::Reference(_) => errors.at(written, "an input is loaded as an owned value; take it by one `&`"),
        _ => return true,
    }
    false
}

impl Param {
    /// The parameter's name without `r#`.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }
}
