//! Collects errors, so that independent mistakes are reported together, and words the suggestions.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors {
    combined: Option<syn::Error>,
    count: usize,
}

impl Errors {
    /// Reports a mistake under everything that `tokens` covers.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake where there are no tokens to point at.
    pub(crate) fn at_span(&mut self, span: Span, message: impl std::fmt::Display) {
        self.add(syn::Error::new(span, message));
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        self.count += 1;
        match &mut self.combined {
            Some(combined) => combined.combine(error),
            None => self.combined = Some(error),
        }
    }

    /// How often something was reported.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// A `compile_error!` for each.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.combined.map(|error| error.to_compile_error()).unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn messages(self) -> Vec<String> {
        self.combined.into_iter().flatten().map(|error| error.to_string()).collect()
    }
}

/// "; did you mean `…`?", or "; known …: …" if nothing is near.
pub(crate) fn suggestion<'a>(written: &str, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = known
        .clone()
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .filter(|(distance, name)| *distance <= name.chars().count().max(3) / 3)
        .min();
    match near {
        Some((_, name)) => format!("; did you mean `{name}`?"),
        None => format!("; known {what}: {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}
