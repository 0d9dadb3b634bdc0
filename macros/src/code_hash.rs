//! The hash of an asset's code: the same for the same tokens, whatever the layout, the comments and the compiler.
//!
//! Every token is hashed by itself, since the text of a whole stream is for the compiler to choose. What the compiler may see in
//! more than one way is left out: where spaces are, the invisible groups around a macro's fragments, a last comma that says nothing.

use blake3::Hasher;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, Signature};

use crate::ast::Item;

/// 32 hex digits over the signature and the body, without attributes, docs and visibility; nothing for a function without a body.
pub(crate) fn code_hash(item: &Item) -> Option<String> {
    let body = item.body.as_ref()?;
    let mut hasher = Hasher::new();
    stream(&mut hasher, without_attributes(&item.sig).into_token_stream(), Last::Means);
    stream(&mut hasher, body.to_token_stream(), Last::Means);
    Some(hasher.finalize().to_hex()[..32].to_owned())
}

fn without_attributes(sig: &Signature) -> Signature {
    let mut sig = sig.clone();
    for arg in &mut sig.inputs {
        match arg {
            FnArg::Receiver(receiver) => receiver.attrs.clear(),
            FnArg::Typed(typed) => typed.attrs.clear(),
        }
    }
    sig
}

/// Whether a comma at the end of a group means something: `(a,)` is a tuple, `[a,]` and `f(a,)` are `[a]` and `f(a)`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Means,
    IsLayout,
}

fn stream(hasher: &mut Hasher, tokens: TokenStream, last: Last) {
    let tokens: Vec<TokenTree> = flat(tokens);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let after = tokens.get(at + 1);
        if let Some(length) = doc(&tokens[at..]) {
            at += length;
            continue;
        }
        let is_last = after.is_none() && last == Last::IsLayout;
        // A comma before `>` ends generics, and rustfmt puts it where the line was too long.
        if !(is_punct(token, ',') && (is_last || after.is_some_and(|next| is_punct(next, '>')))) {
            tree(hasher, before, token, after);
        }
        at += 1;
    }
}

fn tree(hasher: &mut Hasher, before: Option<&TokenTree>, token: &TokenTree, after: Option<&TokenTree>) {
    match token {
        TokenTree::Group(group) => {
            let (open, close) = match group.delimiter() {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::None => ("", ""),
            };
            part(hasher, b'o', open);
            stream(hasher, group.stream(), last_comma(before, group));
            part(hasher, b'c', close);
        }
        TokenTree::Ident(ident) => part(hasher, b'i', &ident.to_string()),
        TokenTree::Literal(literal) => part(hasher, b'l', &literal.to_string()),
        TokenTree::Punct(punct) => {
            // `a && b` and `a & &b`, `a || b` and `a | |b| …`, `a << b` and `a < <b>::c` differ by nothing else.
            let c = punct.as_char();
            let twin = matches!(c, '&' | '|' | '<') && after.is_some_and(|next| is_punct(next, c));
            part(hasher, if twin && punct.spacing() == Spacing::Joint { b'j' } else { b'p' }, &c.to_string());
        }
    }
}

/// With its length, so that no two lists of tokens are the same bytes.
fn part(hasher: &mut Hasher, kind: u8, text: &str) {
    hasher.update(&[kind]);
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

/// Words after which parentheses are an expression or a type, and not the arguments of a call.
const WORDS: [&str; 16] =
    ["as", "break", "dyn", "else", "for", "if", "impl", "in", "let", "match", "mut", "ref", "return", "where", "while", "yield"];

fn last_comma(before: Option<&TokenTree>, group: &proc_macro2::Group) -> Last {
    let commas = flat(group.stream()).iter().filter(|token| is_punct(token, ',')).count();
    let called = matches!(before, Some(TokenTree::Ident(ident)) if !WORDS.iter().any(|word| ident == word));
    if group.delimiter() == Delimiter::Parenthesis && commas < 2 && !called { Last::Means } else { Last::IsLayout }
}

/// The tokens without the invisible groups, which compilers put around fragments in one release and not in another.
fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let mut all = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => all.extend(flat(group.stream())),
            token => all.push(token),
        }
    }
    all
}

/// How many tokens a doc comment is, `#[doc = …]` or `#![doc = …]`, if there is one.
fn doc(tokens: &[TokenTree]) -> Option<usize> {
    let [hash, rest @ ..] = tokens else { return None };
    let inner = rest.first().is_some_and(|next| is_punct(next, '!'));
    let TokenTree::Group(group) = rest.get(usize::from(inner))? else { return None };
    let mut inside = group.stream().into_iter();
    let is_doc = is_punct(hash, '#')
        && group.delimiter() == Delimiter::Bracket
        && matches!(inside.next(), Some(TokenTree::Ident(name)) if name == "doc")
        && inside.next().is_some_and(|equals| is_punct(&equals, '='));
    is_doc.then_some(2 + usize::from(inner))
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}
