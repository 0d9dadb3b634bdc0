//! A definition becomes: the type as it was written, and its implementations behind a nameless constant; for several dimensions
//! also the type of its keys.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput};

use super::{Dimension, Every, Kind, Mistaken, Time, Variant};
use crate::diagnose::Errors;
use crate::paths;

/// Everything for a definition.
pub(crate) fn expand(item: &DeriveInput, kind: &Kind, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    let derives = derives(item, kind);
    let cfgs = item.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect::<Vec<_>>();
    if matches!(kind, Kind::Mistaken(Mistaken::Unusable)) {
        return quote!(#item #errors);
    }
    let name = item.ident.unraw().to_string();
    let parts = parts(item, &name, kind);
    let Parts { key, shape, def, parse, of, more } = parts;
    let here = Span::call_site();
    let (definition, shape_type, result) = (paths::partition_definition(here), paths::shape(here), paths::result(here));
    let (def_type, key_type) = (paths::partitions_def(here), paths::partition_key(here));
    let ident = &item.ident;
    let id = quote_spanned!(ident.span()=>
        ::core::concat!(::core::module_path!(), "::", #name, " at ", ::core::file!(), ":", ::core::line!(), ":", ::core::column!())
    );
    let key_struct = match kind {
        Kind::Dimensions(dimensions) => Some(key_struct(item, dimensions)),
        _ => None,
    };
    quote! {
        #derives
        #[allow(dead_code)]
        #item
        #errors
        #(#cfgs)*
        #[allow(deprecated, unreachable_code)]
        const _: () = {
            #[diagnostic::do_not_recommend]
            impl #definition for #ident {
                type Key = #key;
                const SHAPE: &'static #shape_type = &#shape_type { name: #name, id: #id, kind: #shape };
                fn def() -> #result<#def_type> {
                    #def
                }
                fn parse(__key: &#key_type) -> #result<<Self as #definition>::Key> {
                    #parse
                }
                fn key(__value: &<Self as #definition>::Key) -> #result<#key_type> {
                    #of
                }
            }
            #more
        };
        #key_struct
    }
}

/// What differs between the kinds.
struct Parts {
    key: TokenStream,
    shape: TokenStream,
    def: TokenStream,
    parse: TokenStream,
    of: TokenStream,
    /// Beside the implementation.
    more: TokenStream,
}

fn parts(item: &DeriveInput, name: &str, kind: &Kind) -> Parts {
    let here = Span::call_site();
    let (shape_kind, def_type) = (paths::shape_kind(here), paths::partitions_def(here));
    let (text, text_key, number) = (paths::text(here), paths::text_key(here), paths::number(here));
    let string = quote!(::std::string::String);
    let owned = quote!(#text(Self::SHAPE, __key).map(::core::convert::Into::into));
    let listed =
        |keys: Vec<String>| (quote!(#shape_kind::Static(&[#(#keys),*])), cached(&quote!(#def_type::fixed(#name, [#(#keys),*]))));
    let more = TokenStream::new();
    match kind {
        Kind::Texts(keys) => {
            let (shape, def) = listed(keys.iter().map(syn::LitStr::value).collect());
            Parts { key: string, shape, def, parse: owned, of: quote!(#text_key(Self::SHAPE, __value)), more }
        }
        Kind::Numbers(keys) => {
            let (shape, def) = listed(keys.iter().map(syn::LitStr::value).collect());
            let parse = quote!(#number(Self::SHAPE, __key));
            let of = quote!(#text_key(Self::SHAPE, &::std::string::ToString::to_string(__value)));
            Parts { key: quote!(i64), shape, def, parse, of, more }
        }
        Kind::Variants(variants) => {
            let (shape, def) = listed(variants.iter().map(|variant| variant.key.value()).collect());
            let (parse, of) = variant_keys(variants);
            Parts { key: quote!(Self), shape, def, parse, of, more }
        }
        Kind::Dynamic(set) => {
            let def = cached(&quote!(::core::result::Result::Ok(#def_type::dynamic(#set))));
            let of = quote!(#text_key(Self::SHAPE, __value));
            Parts { key: string, shape: quote!(#shape_kind::Dynamic), def, parse: owned, of, more }
        }
        Kind::Time(time) => time_parts(item, name, time),
        Kind::Dimensions(dimensions) => dimension_parts(item, name, dimensions),
        Kind::Mistaken(left) => {
            let jiff = paths::jiff(here);
            let key = match left {
                Mistaken::Text | Mistaken::Unusable => string,
                Mistaken::Number => quote!(i64),
                Mistaken::Variants => quote!(Self),
                Mistaken::Date => quote!(#jiff::civil::Date),
                Mistaken::Moment => quote!(#jiff::Zoned),
            };
            let never = quote!(::core::unreachable!());
            // So that nothing that needs windows of time is an error too.
            let more = matches!(left, Mistaken::Date | Mistaken::Moment).then(|| window(item, &never)).unwrap_or_default();
            Parts { key, shape: quote!(#shape_kind::Any), def: never.clone(), parse: never.clone(), of: never, more }
        }
    }
}

/// A definition that is made once.
fn cached(def: &TokenStream) -> TokenStream {
    let cached = paths::cached(Span::call_site());
    quote! {
        static __DEF: #cached = #cached::new();
        __DEF.get(|| #def)
    }
}

fn variant_keys(variants: &[Variant]) -> (TokenStream, TokenStream) {
    let here = Span::call_site();
    let (text, text_key, no_key) = (paths::text(here), paths::text_key(here), paths::no_key(here));
    let idents: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let keys: Vec<_> = variants.iter().map(|variant| variant.key.value()).collect();
    let parse = quote! {
        match #text(Self::SHAPE, __key)? {
            #(#keys => ::core::result::Result::Ok(Self::#idents),)*
            __other => ::core::result::Result::Err(#no_key(Self::SHAPE, __other)),
        }
    };
    let of = quote! {
        #text_key(Self::SHAPE, match __value { #(Self::#idents => #keys,)* })
    };
    (parse, of)
}

fn time_parts(item: &DeriveInput, name: &str, time: &Time) -> Parts {
    let here = Span::call_site();
    let (jiff, every, time_def) = (paths::jiff(here), paths::every(here), paths::time_def(here));
    let every = match &time.every {
        Every::Hour => quote!(#every::Hour),
        Every::Day => quote!(#every::Day),
        Every::Week(weekday) => quote!(#every::Week(#weekday)),
        Every::Month(day) => quote!(#every::Month(#day)),
        Every::Cron(text) => quote!(#every::Cron(::core::convert::Into::into(#text))),
    };
    let start = &time.start;
    let zone = time.zone.as_ref().map(|zone| quote!(.zone(#zone)?));
    let offset = time.offset.map(|(hours, minutes)| quote!(.offset(#hours, #minutes)?));
    let end = time.end.as_ref().map(|end| quote!(.end(#end)?));
    let end_offset = time.end_offset.map(|windows| quote!(.end_offset(#windows)));
    let format = time.format.as_ref().map(|format| quote!(.format(#format)?));
    let def_type = paths::partitions_def(here);
    let time_def = quote!(#time_def::new(#every, #start)? #zone #offset #end #end_offset #format);
    let def = cached(&quote!(::core::result::Result::Ok(#def_type::time(#name, #time_def))));
    let (key, parse, of) = if time.every.has_dates() {
        let (date, date_key) = (paths::date(here), paths::date_key(here));
        (quote!(#jiff::civil::Date), quote!(#date(&Self::def()?, __key)), quote!(#date_key(&Self::def()?, *__value)))
    } else {
        let (moment, moment_key) = (paths::moment(here), paths::moment_key(here));
        (quote!(#jiff::Zoned), quote!(#moment(&Self::def()?, __key)), quote!(#moment_key(&Self::def()?, __value)))
    };
    let (shape_kind, definition) = (paths::shape_kind(here), paths::partition_definition(here));
    let between = paths::window(here);
    let more = window(item, &quote!(#between(&<Self as #definition>::def()?, __key)));
    Parts { key, shape: quote!(#shape_kind::Time), def, parse, of, more }
}

/// The implementation for definitions of windows of time.
fn window(item: &DeriveInput, body: &TokenStream) -> TokenStream {
    let here = Span::call_site();
    let (trait_, key_type, result, jiff) =
        (paths::time_partitions(here), paths::partition_key(here), paths::result(here), paths::jiff(here));
    let ident = &item.ident;
    quote! {
        #[diagnostic::do_not_recommend]
        impl #trait_ for #ident {
            fn window(__key: &#key_type) -> #result<(#jiff::Zoned, #jiff::Zoned)> {
                #body
            }
        }
    }
}

fn dimension_parts(item: &DeriveInput, name: &str, dimensions: &[Dimension]) -> Parts {
    let here = Span::call_site();
    let (shape_kind, dimension_shape) = (paths::shape_kind(here), paths::dimension_shape(here));
    let (def_type, key_type) = (paths::partitions_def(here), paths::partition_key(here));
    let key = key_ident(item);
    let idents: Vec<_> = dimensions.iter().map(|dimension| &dimension.ident).collect();
    let names: Vec<_> = idents.iter().map(|ident| ident.unraw().to_string()).collect();
    let definitions: Vec<_> = dimensions
        .iter()
        .map(|dimension| {
            let (ty, span) = (&dimension.ty, dimension.ty.span());
            let definition = paths::partition_definition(span);
            quote_spanned!(span=> <#ty as #definition>)
        })
        .collect();
    let checks = dimensions.iter().zip(&names).zip(&definitions).map(|((dimension, name), definition)| {
        let span = dimension.ty.span();
        let one = paths::one_dimension(span);
        quote_spanned!(span=> const _: () = #one(#name, #definition::SHAPE);)
    });
    Parts {
        shape: quote!(#shape_kind::Multi(&[#(#dimension_shape { name: #names, shape: #definitions::SHAPE }),*])),
        def: cached(&quote!(#def_type::multi(#name, [#((#names, #definitions::def()?)),*]))),
        parse: quote!(::core::result::Result::Ok(#key { #(#idents: #definitions::dimension(__key, #names)?),* })),
        of: quote!(#key_type::of([#((#names, __value.#idents.key())),*])),
        more: quote!(#(#checks)*),
        key: quote!(#key),
    }
}

fn key_ident(item: &DeriveInput) -> syn::Ident {
    format_ident!("{}Key", item.ident, span = item.ident.span())
}

/// The type of the keys of several dimensions.
fn key_struct(item: &DeriveInput, dimensions: &[Dimension]) -> TokenStream {
    let (vis, key) = (&item.vis, key_ident(item));
    let doc = format!("The key of one partition of [`{}`].", item.ident.unraw());
    let cfgs = item.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    let fields = dimensions.iter().map(|Dimension { ident, ty }| {
        let partition = paths::partition(ty.span());
        let doc = format!("The partition of `{}`.", ident.unraw());
        quote!(#[doc = #doc] pub #ident: #partition<#ty>)
    });
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[derive(
            ::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq, ::core::cmp::Eq, ::core::hash::Hash,
            ::core::cmp::PartialOrd, ::core::cmp::Ord
        )]
        #[allow(dead_code, unreachable_pub)]
        #vis struct #key { #(#fields),* }
    }
}

/// What an enum needs to be its own key and does not derive yet.
fn derives(item: &DeriveInput, kind: &Kind) -> Option<TokenStream> {
    if !matches!((&item.data, kind), (Data::Enum(_), Kind::Variants(_) | Kind::Mistaken(Mistaken::Variants))) {
        return None;
    }
    let mut derived: Vec<String> = Vec::new();
    for attr in item.attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        let _ = attr.parse_nested_meta(|meta| {
            derived.extend(meta.path.segments.last().map(|last| last.ident.to_string()));
            Ok(())
        });
    }
    let needed = [
        ("Clone", quote!(::core::clone::Clone)),
        ("Copy", quote!(::core::marker::Copy)),
        ("Debug", quote!(::core::fmt::Debug)),
        ("PartialEq", quote!(::core::cmp::PartialEq)),
        ("Eq", quote!(::core::cmp::Eq)),
        ("Hash", quote!(::core::hash::Hash)),
    ];
    let missing = needed.into_iter().filter(|(name, _)| !derived.iter().any(|known| known == name)).map(|(_, path)| path);
    let missing: Vec<_> = missing.collect();
    (!missing.is_empty()).then(|| quote!(#[derive(#(#missing),*)]))
}
