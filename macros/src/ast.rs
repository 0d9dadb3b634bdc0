//! What was written: a function with or without a body. The body stays raw tokens, since nothing here reads it.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Signature, Token, Visibility};

use crate::args::On;

/// A function, as it was written.
pub(crate) struct Item {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// Absent if the function ends with `;`.
    pub(crate) body: Option<Group>,
}

impl Item {
    pub(crate) fn parse(on: On, tokens: &TokenStream) -> syn::Result<Self> {
        let all: Vec<TokenTree> = tokens.clone().into_iter().collect();
        // A name follows, unless `fn` belongs to a type.
        let is_fn = all.windows(2).any(|pair| matches!(pair, [TokenTree::Ident(ident), TokenTree::Ident(_)] if ident == "fn"));
        if is_fn {
            return syn::parse2(tokens.clone());
        }
        // At the attribute, but as the user's own words: rustc says of what a macro made that it did.
        let written = all.first().map_or_else(Span::call_site, TokenTree::span);
        Err(syn::Error::new(Span::call_site().resolved_at(written), format!("`{on}` belongs on a function")))
    }

    /// The attributes that turn the item off, which everything beside it must follow.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> + Clone {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// The function's name without `r#`.
    pub(crate) fn name(&self) -> String {
        self.sig.ident.unraw().to_string()
    }

    /// The doc comment.
    pub(crate) fn doc(&self) -> Option<String> {
        let lines: Vec<String> = self.attrs.iter().filter_map(doc_line).collect();
        let text = lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Takes away what only our attributes understand, and hands it over by parameter.
    pub(crate) fn take_input_attrs(&mut self) -> Vec<Vec<Attribute>> {
        let split = |arg: &mut FnArg| {
            let attrs = match arg {
                FnArg::Receiver(receiver) => &mut receiver.attrs,
                FnArg::Typed(typed) => &mut typed.attrs,
            };
            attrs.extract_if(.., |attr| attr.path().is_ident("input")).collect()
        };
        self.sig.inputs.iter_mut().map(split).collect()
    }

    /// Takes away further attributes of ours.
    pub(crate) fn take_repeated(&mut self) -> Vec<Attribute> {
        let ours = |ident: &Ident| ident == "asset" || ident == "external_asset";
        self.attrs.extract_if(.., |attr| attr.path().segments.last().is_some_and(|last| ours(&last.ident))).collect()
    }
}

impl Parse for Item {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let body = if input.parse::<Option<Token![;]>>()?.is_some() { None } else { Some(input.parse()?) };
        Ok(Self { attrs, vis, sig, body })
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, body } = self;
        let body = body.as_ref().map_or_else(|| quote!(;), ToTokens::to_token_stream);
        tokens.extend(quote!(#(#attrs)* #vis #sig #body));
    }
}

fn doc_line(attr: &Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attr.meta else { return None };
    match &pair.value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) if pair.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}
