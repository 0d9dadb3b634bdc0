//! The attributes of lakewright: [`macro@asset`], [`macro@external_asset`] and [`macro@partitions`], and [`macro@Columns`] for typed rows
//! (`columns`).
//!
//! An attribute turns a function into an asset in three steps: it parses what was written (`ast`, `args`), checks the rules
//! (`valid`) and expands (`expand`, with the `record`, the `body` and the `marker`), or falls back to as much as keeps the assets
//! downstream free of further errors (`fallback`). `partitions` does the same for a type. Names of other assets are never looked up here: generated code mentions them as
//! types, and rustc resolves them.

#![forbid(unsafe_code)]

mod args;
mod ast;
mod body;
mod checks;
mod code_hash;
mod columns;
mod diagnose;
mod edges;
mod expand;
mod fallback;
mod marker;
mod partitions;
mod paths;
mod record;
#[cfg(test)]
mod tests;
mod valid;

use proc_macro2::TokenStream;

use crate::args::{Args, On};
use crate::diagnose::Errors;

/// Makes a function a data asset: a value that is stored, and made again from the assets its parameters name.
///
/// See `lakewright::asset` for what it takes, with an example.
#[proc_macro_attribute]
pub fn asset(args: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    attribute(On::Asset, args.into(), &item.into()).into()
}

/// Declares an asset that somebody else writes: a function without a body, whose return type says how it is read.
///
/// See `lakewright::external_asset` for an example.
#[proc_macro_attribute]
pub fn external_asset(args: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    attribute(On::External, args.into(), &item.into()).into()
}

/// Makes a type a partition definition.
///
/// See `lakewright::partitions` for the kinds and their options, with an example.
#[proc_macro_attribute]
pub fn partitions(args: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    partitions::attribute(args.into(), &item.into()).into()
}

/// Declares the columns of a table: a struct with a field for each.
///
/// See `lakewright::Columns` for what the fields may be, with an example.
#[proc_macro_derive(Columns, attributes(column))]
pub fn columns(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    columns::derive(item.into()).into()
}

fn attribute(on: On, args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = Args::parse(on, args, &mut errors);
    let item = match ast::Item::parse(on, item) {
        Ok(item) => item,
        Err(error) => {
            errors.add(error);
            return fallback::unchanged(item, errors);
        }
    };
    match valid::validate(on, args, item, &mut errors) {
        Ok(asset) => expand::expand(&asset, errors),
        Err(unusable) => fallback::expand(&unusable, errors),
    }
}
