//! The partitions of an asset and of those before it, as constants, and the checks that the compiler evaluates: each is an item of
//! its own, because a block stops at its first failure, and has the span of what it checks.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::LitStr;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::args::{Mapping, MappingKind};
use crate::expand::Upstream;
use crate::paths;
use crate::valid::{Asset, Definition, Expression, Input, Kind};

/// What other assets learn of this one's partitions.
pub(crate) fn shape(asset: &Asset) -> TokenStream {
    let here = Span::call_site();
    let name = asset.item.name();
    let asset_shape = paths::asset_shape(here);
    let expression = asset.partitioning.expression.as_ref().map(|_| quote!(.with_expression()));
    match &asset.partitioning.definition {
        Definition::None => quote!(#asset_shape::of(#name)#expression),
        Definition::Of(path) => {
            let definition = definition(path);
            quote!(#asset_shape::of(#name).partitioned(#definition::SHAPE)#expression)
        }
        Definition::Mistaken => unknown_shape(&name),
    }
}

/// Of an asset whose partitions nobody knows.
pub(crate) fn unknown_shape(name: &str) -> TokenStream {
    let (asset_shape, shape) = (paths::asset_shape(Span::call_site()), paths::shape(Span::call_site()));
    quote!(#asset_shape::of(#name).partitioned(#shape::ANY))
}

/// The name of the asset's definition, which is mentioned once.
pub(crate) fn alias(asset: &Asset) -> Option<TokenStream> {
    let Definition::Of(path) = &asset.partitioning.definition else { return None };
    let alias = definition_alias(path);
    Some(quote!(type #alias = #path;))
}

/// The definition, to name an item of its trait.
pub(crate) fn definition(path: &syn::Path) -> TokenStream {
    let alias = definition_alias(path);
    let partition_definition = paths::partition_definition(alias.span());
    quote_spanned!(alias.span()=> <#alias as #partition_definition>)
}

fn definition_alias(path: &syn::Path) -> Ident {
    let span = path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
    Ident::new("__D", span)
}

/// Every check.
pub(crate) fn checks(asset: &Asset, upstreams: &[Upstream<'_>]) -> TokenStream {
    let edges = upstreams.iter().filter_map(|upstream| Some(edge(asset, upstream, upstream.input?)));
    let own = own_parameters(asset).into_iter().chain(expressions(asset));
    let all = edges.chain(own);
    quote!(#(#all)*)
}

/// The constant that holds the mapping of an input, if it has one.
pub(crate) fn mapping(upstream: &Upstream<'_>) -> Option<TokenStream> {
    let mapping = effective_mapping(upstream.input?)?;
    let (constant, def) = (mapping_constant(upstream), paths::mapping_def(Span::call_site()));
    let value = mapping.tokens();
    Some(quote!(const #constant: #def = #value;))
}

/// The name of that constant.
pub(crate) fn mapping_constant(upstream: &Upstream<'_>) -> Ident {
    format_ident!("{}M", upstream.alias, span = Span::call_site())
}

/// The mapping that was written, or the one that `previous` stands for.
pub(crate) fn effective_mapping(input: &Input) -> Option<Mapping> {
    let previous = || {
        let previous = input.previous.as_ref()?;
        Some(Mapping { name: Ident::new("offset", previous.span()), kind: MappingKind::Offset(-1, -1) })
    };
    input.mapping.clone().or_else(previous)
}

/// The shape of the asset, and that of the upstream, mentioned with its own token.
fn shapes(asset: &Asset, upstream: &Upstream<'_>) -> (TokenStream, TokenStream) {
    let alias = &upstream.alias;
    let trait_ = paths::asset(alias.span());
    (own_shape(asset), quote_spanned!(alias.span()=> <#alias as #trait_>::SHAPE))
}

fn own_shape(asset: &Asset) -> TokenStream {
    let (ident, trait_) = (&asset.item.sig.ident, paths::asset(Span::call_site()));
    quote!(<#ident as #trait_>::SHAPE)
}

fn edge(asset: &Asset, upstream: &Upstream<'_>, input: &Input) -> TokenStream {
    if input.mapping_is_mistaken {
        return TokenStream::new();
    }
    let (down, up) = shapes(asset, upstream);
    let span = upstream.field.span();
    let mapped = match (effective_mapping(input), &input.previous) {
        (Some(_), Some(previous)) if input.mapping.is_none() => check(previous.span(), paths::previous, &down),
        (Some(mapping), _) => {
            let constant = mapping_constant(upstream);
            let whole = check(mapping.name.span(), paths::mapped, &quote!(#down, #up, &#constant));
            let parts = parts(asset, upstream, "", &mapping);
            quote!(#whole #parts)
        }
        (None, _) => check(span, paths::edge, &quote!(#down, #up)),
    };
    let map = input.each.as_ref().map(|(definition, _)| {
        let identity = matches!(effective_mapping(input), Some(Mapping { kind: MappingKind::Identity, .. }));
        let definition = shape_of(definition);
        check(definition.span(), paths::map_of, &quote!(#down, #up, #definition, #identity))
    });
    quote!(#mapped #map)
}

/// What a mapping names, each checked where it is written.
fn parts(asset: &Asset, upstream: &Upstream<'_>, dimension: &str, mapping: &Mapping) -> TokenStream {
    let (down, up) = shapes(asset, upstream);
    let key = |shape: &TokenStream, key: &LitStr| check(key.span(), paths::known_key, &quote!(#shape, #dimension, #key));
    match &mapping.kind {
        MappingKind::Keys(keys) => keys.iter().map(|literal| key(&up, literal)).collect(),
        MappingKind::Map(pairs) => {
            let pairs = pairs.iter().flat_map(|(from, to)| {
                std::iter::once(key(&down, from)).chain(to.iter().map(|literal| key(&up, literal)).collect::<Vec<_>>())
            });
            pairs.collect()
        }
        MappingKind::Dimensions(all) => {
            let all = all.iter().map(|(name, mapping)| {
                let (text, def) = (name.unraw().to_string(), mapping.tokens());
                let known = check(name.span(), paths::mapped_dimension, &quote!(#down, #up, #text, &#def));
                let parts = parts(asset, upstream, &text, mapping);
                quote!(#known #parts)
            });
            all.collect()
        }
        _ => TokenStream::new(),
    }
}

/// Parameters and outputs that name the asset's own definition.
fn own_parameters(asset: &Asset) -> Vec<TokenStream> {
    let own = own_shape(asset);
    if !matches!(asset.partitioning.definition, Definition::Of(_)) {
        return Vec::new();
    }
    let params = asset.params.iter().filter_map(|param| match &param.kind {
        Kind::Partition(definition) => Some((definition, "Partition<", ">")),
        Kind::PartitionSet(definition) => Some((definition, "PartitionSet<", ">")),
        _ => None,
    });
    let output = asset.returns.each.as_ref().map(|definition| (definition, "Partitions<", ", …>"));
    let all = params.chain(output).map(|(definition, before, after)| {
        let shape = shape_of(definition);
        check(definition.span(), paths::own, &quote!(#own, #shape, #before, #after))
    });
    all.collect()
}

/// `partition_expr` and `partition_by`.
fn expressions(asset: &Asset) -> Vec<TokenStream> {
    let own = own_shape(asset);
    let partitioning = &asset.partitioning;
    if !matches!(partitioning.definition, Definition::Of(_)) {
        return Vec::new();
    }
    let mut checks = Vec::new();
    let known = |span: Span, name: &str, first: bool, instead: &str| {
        check(span, paths::known_dimension, &quote!(#own, #name, #first, #instead))
    };
    match &partitioning.expression {
        Some(Expression::One(text)) => checks.push(check(text.span(), paths::one_expression, &own)),
        Some(Expression::Dimensions(option, all)) => {
            for (index, (name, text)) in all.iter().enumerate() {
                let instead = format!("partition_expr = \"{}\"", text.value());
                checks.push(known(name.span(), &name.unraw().to_string(), index == 0, &instead));
            }
            let names = all.iter().map(|(name, _)| name.unraw().to_string());
            checks.push(check(option.span(), paths::every_dimension, &quote!(#own, &[#(#names),*])));
        }
        None => {}
    }
    let column = match &partitioning.expression {
        Some(Expression::One(text)) => text.value(),
        _ => "…".to_owned(),
    };
    for (index, name) in partitioning.by.iter().enumerate().filter(|(_, name)| name.value() != column) {
        let instead = format!("partition_by = [\"{column}\"]");
        checks.push(known(name.span(), &name.value(), index == 0, &instead));
    }
    checks
}

fn shape_of(definition: &syn::Type) -> TokenStream {
    let partition_definition = paths::partition_definition(definition.span());
    quote_spanned!(definition.span()=> <#definition as #partition_definition>::SHAPE)
}

fn check(span: Span, function: fn(Span) -> TokenStream, arguments: &TokenStream) -> TokenStream {
    let function = function(span);
    quote_spanned!(span=> const _: () = #function(#arguments);)
}
