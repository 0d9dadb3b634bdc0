//! What kind of function an asset may be.

use syn::ext::IdentExt;
use syn::{FnArg, GenericParam, Safety};

use super::{Unusable, impl_token, is_primitive};
use crate::args::On;
use crate::ast::Item;
use crate::diagnose::Errors;

/// What can still be emitted for a function that cannot be an asset.
pub(crate) struct Rest {
    function: bool,
    marker: bool,
}

impl Rest {
    pub(crate) fn with(self, item: Item) -> Unusable {
        Unusable { item, function: self.function, marker: self.marker }
    }
}

/// Checks everything but single parameters and the return type.
pub(crate) fn check(on: On, item: &Item, errors: &mut Errors) -> Result<(), Rest> {
    let mut rest = Rest { function: on == On::Asset, marker: true };
    let usable = [
        check_body(on, item, &mut rest, errors),
        check_receiver(item, &mut rest, errors),
        check_ident(item, &mut rest, errors),
        check_qualifiers(on, item, &mut rest, errors),
        check_generics(item, errors),
        check_impl_parameters(item, errors),
        check_no_parameters(on, item, errors),
    ];
    if usable.into_iter().all(|usable| usable) { Ok(()) } else { Err(rest) }
}

fn check_body(on: On, item: &Item, rest: &mut Rest, errors: &mut Errors) -> bool {
    match (on, &item.body) {
        (On::External, Some(body)) => errors.at_span(body.span_open(), "an external asset has no body; end it with `;`"),
        (On::Asset, None) => {
            errors.at(&item.sig.ident, "an asset has a body; a table that somebody else writes is an `#[external_asset]`");
            rest.function = false;
        }
        _ => return true,
    }
    false
}

fn check_receiver(item: &Item, rest: &mut Rest, errors: &mut Errors) -> bool {
    let Some(receiver) = item.sig.receiver() else { return true };
    errors.at(receiver, "an asset is a function, not a method");
    // Beside a method in an `impl` a type would be a syntax error.
    rest.marker = false;
    false
}

fn check_ident(item: &Item, rest: &mut Rest, errors: &mut Errors) -> bool {
    let ident = &item.sig.ident;
    if !is_primitive(ident) {
        return true;
    }
    errors.at(ident, format!("`{ident}` is a primitive type, which an asset of that name would hide; rename the asset"));
    rest.marker = false;
    false
}

fn check_qualifiers(on: On, item: &Item, rest: &mut Rest, errors: &mut Errors) -> bool {
    let sig = &item.sig;
    let before = errors.count();
    if let Some(constness) = &sig.constness {
        errors.at(constness, "an asset runs when it is materialized, so it cannot be `const`");
    }
    if let (Some(asyncness), On::External) = (&sig.asyncness, on) {
        errors.at(asyncness, "nothing runs for an external asset, so it cannot be `async`");
    }
    match &sig.safety {
        Safety::Unsafe(token) => {
            errors.at(token, "an asset is called by lakewright, which cannot promise what `unsafe` asks for");
        }
        Safety::Safe(token) => errors.at(token, "an asset is a plain function, without `safe`"),
        Safety::Default => {}
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi, "an asset is a plain Rust function, without `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(variadic, "an asset takes a fixed number of parameters");
        rest.function = false;
    }
    errors.count() == before
}

fn check_generics(item: &Item, errors: &mut Errors) -> bool {
    let generics = &item.sig.generics;
    let lifetimes_only = generics.params.iter().all(|param| matches!(param, GenericParam::Lifetime(_)));
    if !generics.params.is_empty() && lifetimes_only {
        errors.at(&generics.params, "an asset has no lifetime parameters; an input taken by `&` lives as long as the call");
    } else if !generics.params.is_empty() {
        errors.at(&generics.params, "an asset has no type parameters; name the type that is stored");
    } else if let Some(clause) = &generics.where_clause {
        errors.at(clause, "an asset has no `where` clause");
    } else {
        return true;
    }
    false
}

fn check_impl_parameters(item: &Item, errors: &mut Errors) -> bool {
    let before = errors.count();
    for arg in &item.sig.inputs {
        let FnArg::Typed(typed) = arg else { continue };
        if let Some(token) = impl_token(&typed.ty) {
            errors.at(token, "an input has one type; name it instead of `impl …`");
        }
    }
    errors.count() == before
}

fn check_no_parameters(on: On, item: &Item, errors: &mut Errors) -> bool {
    // A receiver has its own message.
    if on == On::Asset || item.sig.inputs.is_empty() || item.sig.receiver().is_some() {
        return true;
    }
    let name = item.sig.ident.unraw();
    errors.at(&item.sig.inputs, format!("nothing is loaded for the external asset `{name}`; it takes no parameters"));
    false
}
