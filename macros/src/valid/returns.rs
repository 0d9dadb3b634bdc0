//! What an asset may return: a value, perhaps in a `Result` and in an `Output`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{ReturnType, Type};

use super::{bare, each, impl_token, last_segment, type_arguments};
use crate::args::On;
use crate::ast::Item;
use crate::diagnose::Errors;

/// A return type, taken apart by its tokens. An alias with another name is not seen through.
pub(crate) struct Returns {
    /// Where to report an error type that is none, if the function can fail.
    pub(crate) error: Option<Span>,
    /// Whether the value comes with metadata.
    pub(crate) metadata: bool,
    /// The definition, if it is a map with a value for each partition.
    pub(crate) each: Option<Type>,
    /// The value, or the one for each partition.
    pub(crate) value: Type,
    /// Everything, as it was written.
    pub(crate) written: Type,
}

/// Checks the return type. A mistake in it leaves nothing to expand.
pub(crate) fn check(on: On, item: &Item, errors: &mut Errors) -> Option<Returns> {
    let name = item.sig.ident.unraw();
    let ReturnType::Type(_, written) = &item.sig.output else {
        let (what, fix) = match on {
            On::External => ("external asset", "write the type it is read as"),
            _ => ("asset", "write `-> ()` if its effect is elsewhere"),
        };
        errors.at(&item.sig.ident, format!("{what} `{name}` has no return type; {fix}"));
        return None;
    };
    if let Some(token) = impl_token(written) {
        errors.at(token, "an asset is stored as one type; name it instead of `impl …`");
        return None;
    }
    if let Some(token) = borrowed_token(written) {
        errors.at(token, format!("what asset `{name}` returns is stored, so it cannot borrow; return an owned value"));
        return None;
    }
    if let Type::Never(never) = bare(written) {
        errors.at(never, format!("asset `{name}` never returns, so there is nothing to store"));
        return None;
    }
    match on {
        On::External => external(written, errors),
        _ => Some(returns(written)).filter(|returns| check_option(returns, errors)),
    }
}

/// An empty map says the same as none.
fn check_option(returns: &Returns, errors: &mut Errors) -> bool {
    let inside = last_segment(&returns.value).filter(|last| last.ident == "Option").map(type_arguments);
    let map = inside.iter().flatten().any(|ty| each(ty).is_some());
    if map {
        errors.at(&returns.value, "an empty map stores nothing, so return `Partitions` without `Option`");
    }
    !map
}

fn returns(written: &Type) -> Returns {
    let mut returns = Returns { error: None, metadata: false, each: None, value: written.clone(), written: written.clone() };
    if let Some((value, error)) = result(written) {
        returns.error = Some(error.span());
        returns.value = value.clone();
    }
    if let Some(value) = output(&returns.value).cloned() {
        returns.metadata = true;
        returns.value = value;
    }
    if let Some((definition, value)) = each(&returns.value) {
        returns.each = Some(definition);
        returns.value = value;
    }
    returns
}

fn external(written: &Type, errors: &mut Errors) -> Option<Returns> {
    let reason = if matches!(bare(written), Type::Tuple(tuple) if tuple.elems.is_empty()) {
        "an external asset is read, so it has a type"
    } else if result(written).is_some() {
        "nothing runs for an external asset, so nothing can fail; write the type it is read as"
    } else if output(written).is_some() {
        "nothing runs for an external asset, so there is no metadata to record; write the type it is read as"
    } else if last_segment(written).is_some_and(|last| last.ident == "Option") {
        "whether an external asset may be missing is for its readers to say; write the type without `Option`"
    } else if each(written).is_some() {
        "a map of partitions is for its readers to ask for; write the type that it is read as"
    } else {
        return Some(returns(written));
    };
    errors.at(written, reason);
    None
}

/// The value and the error of a `Result`, or of the alias that Polars' prelude has.
fn result(ty: &Type) -> Option<(&Type, &Type)> {
    let last = last_segment(ty).filter(|last| last.ident == "Result" || last.ident == "PolarsResult")?;
    let arguments = type_arguments(last);
    let value = arguments.first()?;
    Some((value, arguments.get(1).unwrap_or(&ty)))
}

/// The first `&` without a lifetime, or the first `'_`, in a type, however deep. Named lifetimes are reported where they are
/// declared.
fn borrowed_token(ty: &impl ToTokens) -> Option<TokenTree> {
    fn search(tokens: TokenStream) -> Option<TokenTree> {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |token: Option<&TokenTree>, c: char| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c);
        tokens.iter().enumerate().find_map(|(index, token)| match token {
            TokenTree::Group(group) => search(group.stream()),
            TokenTree::Punct(punct) if punct.as_char() == '&' => (!is(tokens.get(index + 1), '\'')).then(|| token.clone()),
            TokenTree::Ident(ident) if ident == "_" && index > 0 && is(tokens.get(index - 1), '\'') => Some(token.clone()),
            _ => None,
        })
    }
    search(ty.to_token_stream())
}

fn output(ty: &Type) -> Option<&Type> {
    let last = last_segment(ty).filter(|last| last.ident == "Output")?;
    type_arguments(last).first().copied()
}
