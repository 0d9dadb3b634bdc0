//! What an asset says about its own partitions: the option, the parameters and the output have to go together.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{LitStr, Path};

use super::params::{Input, Kind, Param};
use super::returns::Returns;
use crate::args::{Args, Mapping, MappingKind, Value};
use crate::ast::Item;
use crate::diagnose::Errors;

/// How an asset is partitioned.
pub(crate) struct Partitioning {
    pub(crate) definition: Definition,
    /// Whether the body is called once for all partitions of a step.
    pub(crate) once: bool,
    pub(crate) expression: Option<Expression>,
    /// The dimensions of `partition_by`.
    pub(crate) by: Vec<LitStr>,
}

/// What the partitions are.
pub(crate) enum Definition {
    None,
    Of(Path),
    /// Nobody knows, because of a mistake.
    Mistaken,
}

/// `partition_expr`.
pub(crate) enum Expression {
    One(LitStr),
    /// The option, and what it says of each dimension.
    Dimensions(Ident, Vec<(Ident, LitStr)>),
}

/// Checks everything but what only the compiler knows.
pub(crate) fn check(item: &Item, args: &Args, params: &[Param], returns: &Returns, errors: &mut Errors) -> Partitioning {
    let definition = match args.get("partitions") {
        Some(Value::Definition(path)) => Definition::Of(path.clone()),
        _ if args.is_mistaken("partitions") => Definition::Mistaken,
        _ => Definition::None,
    };
    let expression = match args.get("partition_expr") {
        Some(Value::Text(text)) => Some(Expression::One(text.clone())),
        Some(Value::Expressions(all)) => {
            args.ident("partition_expr").map(|option| Expression::Dimensions(option.clone(), all.clone()))
        }
        _ => None,
    };
    let by = match args.get("partition_by") {
        Some(Value::Texts(names)) => names.clone(),
        _ => Vec::new(),
    };
    let once = check_calls(params, returns, errors);
    for param in params {
        check_previous(param, once, errors);
    }
    check_order(params, errors);
    let mut partitioning = Partitioning { definition, once, expression, by };
    if matches!(partitioning.definition, Definition::None) && check_needed(item, &partitioning, params, returns, errors) {
        partitioning.definition = Definition::Mistaken;
    }
    partitioning
}

/// A body is called once for each partition or once for all; returns whether once.
fn check_calls(params: &[Param], returns: &Returns, errors: &mut Errors) -> bool {
    let set = params.iter().find(|param| matches!(param.kind, Kind::PartitionSet(_)));
    let one = params.iter().find(|param| matches!(param.kind, Kind::Partition(_)));
    if let Some(one) = one {
        let other = match (set, &returns.each) {
            (Some(_), _) => Some("takes a `PartitionSet`"),
            (None, Some(_)) => Some("returns `Partitions`"),
            (None, None) => None,
        };
        if let Some(other) = other {
            let message = format!(
                "this body {other}, so it is called once for all partitions and has no single `Partition`; take a `PartitionSet`, or neither"
            );
            errors.at(&one.ty, message);
        }
    }
    set.is_some() || returns.each.is_some()
}

fn check_previous(param: &Param, once: bool, errors: &mut Errors) {
    let Some((input, previous)) = input_of(param).and_then(|input| Some((input, input.previous.as_ref()?))) else { return };
    if once {
        let message = "this body is called once for all partitions, some of which may be the previous ones; \
                       take a `Partition` and return one value to be called for each";
        errors.at(previous, message);
        return;
    }
    let Some(mapping) = &input.mapping else { return };
    let earlier = match &mapping.kind {
        MappingKind::Dimensions(_) => match earlier_dimensions(mapping)[..] {
            [first, second, ..] => {
                let message = format!(
                    "`previous` goes back in one dimension, and this mapping does in `{first}` already; \
                     leave out `{second}`, and its key stays the same"
                );
                errors.at(second, message);
                return;
            }
            [_] => true,
            [] => false,
        },
        kind => is_earlier(kind),
    };
    if !earlier {
        let message =
            "`previous` is an earlier partition, so its mapping is an `offset(…)` of numbers below 0, as in `offset(-7)`";
        errors.at(&mapping.name, message);
    }
}

/// Inputs that go back in different dimensions: partitions are made in the order of one.
fn check_order(params: &[Param], errors: &mut Errors) {
    let previous = params.iter().filter_map(input_of).filter(|input| input.previous.is_some());
    let mut named = previous.filter_map(|input| match earlier_dimensions(input.mapping.as_ref()?)[..] {
        [dimension] => Some(dimension),
        _ => None,
    });
    let Some(first) = named.next() else { return };
    if let Some(other) = named.find(|other| *other != first) {
        let message = format!(
            "partitions are made in the order of one dimension, and another input goes back in `{first}`; \
             map both in the same dimension"
        );
        errors.at(other, message);
    }
}

/// The dimensions that a mapping by dimension goes back in.
fn earlier_dimensions(mapping: &Mapping) -> Vec<&Ident> {
    let MappingKind::Dimensions(all) = &mapping.kind else { return Vec::new() };
    all.iter().filter(|(_, mapping)| is_earlier(&mapping.kind)).map(|(name, _)| name).collect()
}

fn is_earlier(kind: &MappingKind) -> bool {
    matches!(kind, MappingKind::Offset(_, end) if *end < 0)
}

/// Reports the first thing that needs `partitions`, which the asset does not have.
fn check_needed(item: &Item, own: &Partitioning, params: &[Param], returns: &Returns, errors: &mut Errors) -> bool {
    let name = item.name();
    let missing = |what: &str| format!("asset `{name}` has no `partitions`, {what}; add `partitions = …` to its attribute");
    let mut report = |tokens: &dyn ToTokens, message: String| {
        errors.at(tokens.to_token_stream(), message);
        true
    };
    for param in params {
        match &param.kind {
            Kind::Partition(_) => return report(&param.ty, missing("so there is no `Partition` to hand over")),
            Kind::PartitionSet(_) => return report(&param.ty, missing("so there is no `PartitionSet` to hand over")),
            Kind::Input(input) => {
                if let Some(previous) = &input.previous {
                    return report(previous, missing("so there is no previous one"));
                }
            }
            _ => {}
        }
    }
    if let Some(definition) = &returns.each {
        return report(definition, missing("so it cannot return a value for each"));
    }
    if let Some(Expression::Dimensions(_, all)) = &own.expression
        && let Some((dimension, text)) = all.first()
    {
        let message = format!("asset `{name}` has no `partitions`, so no dimension `{dimension}`");
        return report(dimension, format!("{message}; add `partitions = …`, or write `partition_expr = \"{}\"`", text.value()));
    }
    own.by.first().is_some_and(|by| report(by, missing("so no dimensions to make folders of")))
}

fn input_of(param: &Param) -> Option<&Input> {
    match &param.kind {
        Kind::Input(input) => Some(input),
        _ => None,
    }
}
