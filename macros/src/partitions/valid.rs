//! What kind of definition it is, from the type and the options together.

use syn::{Data, DeriveInput, Fields, Ident};

use super::{Kind, Mistaken, dimensions, keys, time};
use crate::args::{Args, Value};
use crate::diagnose::Errors;

/// The options that say what the keys are.
const KINDS: &[&str] = &["keys", "hourly", "daily", "weekly", "monthly", "cron", "dynamic"];

/// Applies every rule; takes away the attributes that only `#[partitions]` understands.
pub(crate) fn check(item: &mut DeriveInput, args: &Args, errors: &mut Errors) -> Kind {
    let name = item.ident.clone();
    let repeated: Vec<_> = item.attrs.extract_if(.., |attr| is_ours(attr.path())).collect();
    for attr in repeated {
        errors.at(attr, "`#[partitions]` is on this type already");
    }
    let before = errors.count();
    if !item.generics.params.is_empty() || item.generics.where_clause.is_some() {
        errors.at(&name, format!("a partition definition has no type parameters, so `{name}` has none either"));
        return Kind::Mistaken(Mistaken::Unusable);
    }
    let kind = match &mut item.data {
        Data::Enum(data) => match keys::check_variants(&name, data, errors) {
            Some(variants) => {
                no_options(args, "the variants of an enum are its keys", errors);
                Kind::Variants(variants)
            }
            None if data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) && !data.variants.is_empty() => {
                Kind::Mistaken(Mistaken::Variants)
            }
            None => Kind::Mistaken(Mistaken::Text),
        },
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => {
                let dimensions = dimensions::check(fields, errors);
                no_options(args, "the fields of a struct are its dimensions, each with keys of its own", errors);
                Kind::Dimensions(dimensions)
            }
            Fields::Unnamed(fields) if !fields.unnamed.is_empty() => {
                let message = format!("a dimension has a name; write `struct {name} {{ date: Day, species: Species }}`");
                errors.at(fields, message);
                Kind::Mistaken(Mistaken::Text)
            }
            _ => listed(&name, args, errors),
        },
        Data::Union(data) => {
            errors.at(data.union_token, "a partition definition is a struct or an enum");
            Kind::Mistaken(Mistaken::Unusable)
        }
    };
    match kind {
        kind if errors.count() == before => kind,
        Kind::Variants(_) => Kind::Mistaken(Mistaken::Variants),
        Kind::Mistaken(left) => Kind::Mistaken(left),
        Kind::Numbers(_) => Kind::Mistaken(Mistaken::Number),
        Kind::Time(time) => Kind::Mistaken(if time.every.has_dates() { Mistaken::Date } else { Mistaken::Moment }),
        Kind::Texts(_) | Kind::Dynamic(_) | Kind::Dimensions(_) => Kind::Mistaken(Mistaken::Text),
    }
}

/// Of a type whose keys are known without an option, which therefore takes none.
fn no_options(args: &Args, why: &str, errors: &mut Errors) {
    if let Some(option) = args.written().first() {
        errors.at(option, format!("not expected here; {why}"));
    }
}

/// Of a type that says nothing by itself.
fn listed(name: &Ident, args: &Args, errors: &mut Errors) -> Kind {
    let mut kinds = args.written().iter().filter(|option| KINDS.iter().any(|kind| *option == kind));
    let Some(option) = kinds.next() else {
        // A misspelt option has been reported, and is likely to have been the one.
        if errors.count() == 0 {
            let known = "`keys = […]`, `hourly`, `daily`, `weekly`, `monthly`, `cron = \"…\"` or `dynamic`";
            errors.at(name, format!("`{name}` does not say what its keys are; add {known}, or give it dimensions as fields"));
        }
        return Kind::Mistaken(Mistaken::Text);
    };
    if let Some(second) = kinds.next() {
        errors.at(second, format!("a definition is of one kind, and this one is `{option}` already"));
        return Kind::Mistaken(Mistaken::Text);
    }
    let word = option.to_string();
    check_others(option, args, errors);
    match (&*word, args.get(&word)) {
        ("keys", Some(Value::Keys(all, numbers))) => {
            if all.is_empty() {
                errors.at(option, format!("`{name}` has no keys; list at least one"));
            }
            if !keys::check(all, errors) {
                return Kind::Mistaken(if *numbers { Mistaken::Number } else { Mistaken::Text });
            }
            if *numbers { Kind::Numbers(all.clone()) } else { Kind::Texts(all.clone()) }
        }
        ("dynamic", Some(Value::Flag(true))) => Kind::Dynamic(name.to_string()),
        ("dynamic", Some(Value::Text(set))) => Kind::Dynamic(set.value()),
        ("cron", Some(Value::Text(_))) | (_, Some(Value::Flag(true))) => time::check(option, args, errors),
        (_, Some(Value::Flag(false))) => {
            errors.at(option, format!("`{option} = false` leaves `{name}` without keys"));
            Kind::Mistaken(Mistaken::Text)
        }
        _ => match &*word {
            "daily" | "weekly" | "monthly" => Kind::Mistaken(Mistaken::Date),
            "hourly" | "cron" => Kind::Mistaken(Mistaken::Moment),
            _ => Kind::Mistaken(Mistaken::Text),
        },
    }
}

/// Options that this kind of definition does not have.
fn check_others(kind: &Ident, args: &Args, errors: &mut Errors) {
    for option in args.written().iter().filter(|option| *option != kind) {
        let homes = time::kinds_with(&option.to_string());
        if homes.iter().any(|home| kind == home) || homes.is_empty() {
            continue;
        }
        let all = homes.iter().map(|home| format!("`{home}`")).collect::<Vec<_>>().join(", ");
        errors.at(option, format!("`{kind}` has no `{option}`; it belongs to {all}"));
    }
}

fn is_ours(path: &syn::Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident == "partitions")
}
