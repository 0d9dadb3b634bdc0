//! `#[derive(Columns)]`: a struct as the columns of a table, one for each field.

pub(crate) mod checks;
mod field;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields};

use crate::diagnose::Errors;
use crate::paths;
use field::Field;

/// The implementation for a struct. With errors it says that nothing can be checked against it.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    check_attributes(&input, &mut errors);
    let fields = fields(&input, &mut errors);
    let fields = if check_generics(&input, &mut errors) { fields } else { Vec::new() };
    expand(&input, &fields, errors)
}

fn expand(input: &DeriveInput, fields: &[Field<'_>], errors: Errors) -> TokenStream {
    let here = Span::call_site();
    let (columns, column_def) = (paths::columns(here), paths::column_def(here));
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let defs = fields.iter().map(column);
    let mistaken = (errors.count() > 0).then(|| {
        quote!(
            const MISTAKEN: bool = true;
        )
    });
    let used = used(ident, fields);
    let errors = errors.into_tokens();
    quote! {
        #errors
        #[allow(deprecated)]
        const _: () = {
            #[diagnostic::do_not_recommend]
            impl #impl_generics #columns for #ident #type_generics #where_clause {
                const COLUMNS: &'static [#column_def] = &[#(#defs),*];
                #mistaken
            }
            #used
        };
    }
}

/// A column. Fails under the type of the field if it is none of a column.
fn column(field: &Field<'_>) -> TokenStream {
    let (ty, name) = (field.ty, &field.name);
    let column_def = paths::column_def(ty.span());
    let decimal = field.decimal.map(|(precision, scale)| quote!(.decimal(#precision, #scale)));
    quote_spanned!(ty.span()=> #column_def::of::<#ty>(#name) #decimal)
}

/// Nobody has to fill a struct that only declares columns, so that rustc would say that its fields are never read.
fn used(ident: &Ident, fields: &[Field<'_>]) -> TokenStream {
    let names: Vec<_> = fields.iter().map(|field| field.ident).collect();
    let row = Ident::new("__row", Span::call_site());
    if names.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #[allow(dead_code)]
        fn __used(#row: #ident) -> #ident {
            let #ident { #(#names),* } = #row;
            #ident { #(#names),* }
        }
    }
}

fn check_attributes(input: &DeriveInput, errors: &mut Errors) {
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("column")) {
        errors.at(attr, "not expected here; `#[column]` belongs on a field");
    }
}

fn check_generics(input: &DeriveInput, errors: &mut Errors) -> bool {
    if input.generics.params.is_empty() {
        return true;
    }
    let message = format!("the columns of a table are fixed, so `{}` has no parameters; name the types", input.ident);
    errors.at(&input.generics.params, message);
    false
}

fn fields<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Vec<Field<'a>> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            errors.at(data.enum_token, "columns are declared by a struct, with a field for each");
            return Vec::new();
        }
        Data::Union(data) => {
            errors.at(data.union_token, "columns are declared by a struct, with a field for each");
            return Vec::new();
        }
    };
    match fields {
        Fields::Named(named) if !named.named.is_empty() => field::check(&named.named, errors),
        Fields::Unnamed(unnamed) => {
            errors.at(unnamed, "columns have names; write `{ name: type, … }`");
            Vec::new()
        }
        Fields::Named(_) | Fields::Unit => {
            errors.at(&input.ident, format!("`{}` has no fields, and a table has a column at least", input.ident));
            Vec::new()
        }
    }
}
