//! What is emitted beside errors that leave too little to expand: as much as keeps the assets downstream, and whoever calls the
//! function, free of errors that would only repeat the mistake.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::diagnose::Errors;
use crate::valid::Unusable;
use crate::{edges, marker, paths};

/// The item as it was written, for something that is not a function at all.
pub(crate) fn unchanged(item: &TokenStream, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    quote!(#errors #item)
}

/// A marker whose output can be loaded as anything, since nobody knows what it would have been.
pub(crate) fn expand(unusable: &Unusable, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    let item = &unusable.item;
    let function = unusable.function.then_some(item);
    if !unusable.marker {
        return quote!(#function #errors);
    }
    let (asset_def, poisoned) = (paths::asset_def(Span::call_site()), paths::poisoned(Span::call_site()));
    let cfgs = item.cfgs();
    let marker_impl = marker::implement(&item.sig.ident, poisoned, &edges::unknown_shape(&item.name()));
    let marker = marker::declare(item, std::iter::empty());
    quote! {
        #function
        #errors
        #(#cfgs)*
        const _: () = {
            static __DEF: #asset_def = #asset_def::EMPTY;
            #marker_impl
        };
        #marker
    }
}
