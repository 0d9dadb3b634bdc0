//! The marker: the type by which other assets mention an asset.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::ast::Item;
use crate::paths;

/// The type that has the asset's name. It comes last, so that rustc's messages about a name's items begin with the function, and it
/// has braces, so that it leaves the name free for the function.
///
/// It holds its upstreams: an unknown one is an unknown type, and assets in a circle are a type of infinite size. The last field is
/// none of them, because the compiler follows last fields, and would get lost in a circle or a long chain before it reports it.
pub(crate) fn declare(item: &Item, upstreams: impl Iterator<Item = TokenStream>) -> TokenStream {
    let (vis, ident, cfgs) = (&item.vis, &item.sig.ident, item.cfgs());
    // All in one place, which is where messages about the type point.
    let declaration = quote_spanned!(ident.span()=> struct #ident { #(#upstreams,)* __end: () });
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, non_snake_case, dead_code, deprecated, unreachable_pub, missing_debug_implementations)]
        #[allow(clippy::struct_field_names)]
        #vis #declaration
    }
}

/// Its `Asset` implementation.
pub(crate) fn implement(ident: &Ident, output: impl ToTokens, shape: &TokenStream) -> TokenStream {
    let here = Span::call_site();
    let (asset, asset_def, asset_shape) = (paths::asset(here), paths::asset_def(here), paths::asset_shape(here));
    // Where a type that is more private than the asset is reported.
    let output = quote_spanned!(output.span()=> type Output = #output;);
    quote! {
        #[diagnostic::do_not_recommend]
        impl #asset for #ident {
            #output
            const SHAPE: #asset_shape = #shape;
            fn def() -> &'static #asset_def {
                &__DEF
            }
        }
    }
}
