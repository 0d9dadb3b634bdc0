//! A field and what its attribute says of the column.
//!
//! ```text
//! attribute := "#[column(" option ("," option)* ","? ")]"
//! option    := "name" "=" string | "decimal" "(" precision "," scale ")"
//! ```

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{Attribute, LitInt, LitStr, Meta, Token, Type};

use crate::diagnose::{Errors, suggestion};

/// A field, as a column.
pub(super) struct Field<'a> {
    pub(super) ident: &'a Ident,
    pub(super) ty: &'a Type,
    /// The name of the column.
    pub(super) name: String,
    /// Precision and scale, if it is a decimal whatever the type of the field.
    pub(super) decimal: Option<(u8, u8)>,
}

const OPTIONS: [&str; 2] = ["name", "decimal"];

/// Checks the fields, and that no two of them are one column.
pub(super) fn check<'a>(all: &'a Punctuated<syn::Field, Token![,]>, errors: &mut Errors) -> Vec<Field<'a>> {
    let mut fields: Vec<Field<'a>> = Vec::new();
    for written in all {
        let Some(ident) = &written.ident else { continue };
        let mut options = Options::default();
        let ours = written.attrs.iter().filter(|attr| attr.path().is_ident("column"));
        for attr in ours {
            options.read(attr, errors);
        }
        let name = options.name.as_ref().map_or_else(|| ident.unraw().to_string(), LitStr::value);
        if fields.iter().any(|field| field.name == name) {
            let message = format!("two fields are the column `{name}`");
            match &options.name {
                Some(literal) => errors.at(literal, message),
                None => errors.at(ident, message),
            }
        }
        fields.push(Field { ident, ty: &written.ty, name, decimal: options.decimal });
    }
    fields
}

/// What the attributes of one field say.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    decimal: Option<(u8, u8)>,
}

impl Options {
    fn read(&mut self, attr: &Attribute, errors: &mut Errors) {
        let empty = match &attr.meta {
            Meta::List(list) => list.tokens.is_empty(),
            Meta::Path(_) | Meta::NameValue(_) => true,
        };
        if empty {
            errors.at(attr, "`#[column]` needs an option: `#[column(name = \"…\")]` or `#[column(decimal(10, 2))]`");
        } else if let Err(error) = attr.parse_nested_meta(|meta| self.option(&meta)) {
            errors.add(error);
        }
    }

    fn option(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.get_ident().map(|ident| ident.unraw().to_string()).unwrap_or_default();
        let twice = || Err(meta.error(format!("option `{key}` is given twice")));
        match key.as_str() {
            "name" if self.name.is_some() => twice(),
            "name" => {
                self.name = Some(name(meta)?);
                Ok(())
            }
            "decimal" if self.decimal.is_some() => twice(),
            "decimal" => {
                self.decimal = Some(decimal(meta)?);
                Ok(())
            }
            _ => Err(meta.error(format!("unknown option `{key}`{}", suggestion(&key, "options", OPTIONS.into_iter())))),
        }
    }
}

fn name(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    const WANTED: &str = "`name` takes a text, for example `name = \"…\"`";
    let value = meta.value().map_err(|_| meta.error(WANTED))?;
    let name: LitStr = value.parse().map_err(|error: syn::Error| syn::Error::new(error.span(), WANTED))?;
    if name.value().is_empty() {
        return Err(syn::Error::new(name.span(), "this text is empty"));
    }
    Ok(name)
}

fn decimal(meta: &ParseNestedMeta<'_>) -> syn::Result<(u8, u8)> {
    const WANTED: &str = "`decimal` takes all digits and those after the point, for example `decimal(10, 2)`";
    let parse = || {
        let content;
        syn::parenthesized!(content in meta.input);
        let numbers = Punctuated::<LitInt, Token![,]>::parse_terminated(&content)?;
        Ok::<_, syn::Error>(numbers.into_iter().collect::<Vec<_>>())
    };
    let numbers = parse().map_err(|_| meta.error(WANTED))?;
    let [precision, scale] = &numbers[..] else { return Err(meta.error(WANTED)) };
    let digits: u8 = precision
        .base10_parse()
        .ok()
        .filter(|digits| (1..=38).contains(digits))
        .ok_or_else(|| syn::Error::new(precision.span(), "a decimal has 1 to 38 digits"))?;
    let after: u8 = scale
        .base10_parse()
        .ok()
        .filter(|after| *after <= digits)
        .ok_or_else(|| syn::Error::new(scale.span(), format!("of {digits} digits at most {digits} are after the point")))?;
    Ok((digits, after))
}
