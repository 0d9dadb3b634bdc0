//! The dimensions of a definition of several.

use syn::{FieldsNamed, Ident, Type};

use crate::diagnose::Errors;

/// A dimension.
pub(crate) struct Dimension {
    pub(crate) ident: Ident,
    /// Its definition.
    pub(crate) ty: Type,
}

/// The fields as dimensions.
pub(crate) fn check(fields: &FieldsNamed, errors: &mut Errors) -> Vec<Dimension> {
    let dimension = |field: &syn::Field| {
        for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr")) {
            errors.at(attr, "a dimension cannot be conditional; put the condition on the definition");
        }
        Some(Dimension { ident: field.ident.clone()?, ty: field.ty.clone() })
    };
    fields.named.iter().filter_map(dimension).collect()
}
