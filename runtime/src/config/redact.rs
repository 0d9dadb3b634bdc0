//! What a configuration looks like without its secrets.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::node::{Node, Text, Tree, join};
use super::text::{is_reference, without_defaults};
use crate::error::Error;

/// What stands where a secret was.
pub(super) const REDACTED: &str = "[redacted]";

/// Words in the names of fields whose values are not shown, whatever reads them.
const TELLING: &[&str] = &[
    "secret",
    "password",
    "passphrase",
    "passwd",
    "pwd",
    "token",
    "credential",
    "sas_",
    "connection_string",
    "proxy_url",
    "dsn",
    "authorization",
    "auth_",
    "cookie",
    "signature",
    "webhook",
    "api_key",
    "apikey",
    "access_key",
    "account_key",
    "private_key",
    "bearer",
];

/// Shorter values are not looked for in messages: they would be found everywhere.
const SHORTEST: usize = 4;

/// What is secret in one configuration.
#[derive(Clone, Default)]
pub(super) struct Redactor {
    /// The paths of fields that are read as secrets.
    pub(super) paths: BTreeSet<String>,
    /// What must not be told, and what is said instead.
    values: Vec<(String, String)>,
}

impl Redactor {
    /// Remembers a value that came from elsewhere.
    pub(super) fn hide(&mut self, value: &str, instead: &str) {
        if value.len() >= SHORTEST {
            self.values.push((value.to_owned(), instead.to_owned()));
        }
    }

    /// Remembers the secrets that stand in the configuration itself, and forgets nothing.
    pub(super) fn hide_written(&mut self, node: &mut Node) {
        let mut found = Vec::new();
        node.each_text("", &mut |path, _, text| {
            if self.is_secret(path) && !text.looked_up {
                found.push(text.value.clone());
            }
            if let Some(secret) = userinfo(&text.value) {
                found.push(secret.to_owned());
            }
        });
        // A password of digits without quotes is a number, and the error that says so tells which.
        node.each_number("", &mut |path, number| {
            if self.is_secret(path) {
                found.push(number.to_string());
            }
        });
        for value in &found {
            self.hide(value, REDACTED);
        }
        // The longest first: of two secrets one may be a part of the other.
        self.values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    }

    /// Whether the value at a path is not shown.
    pub(super) fn is_secret(&self, path: &str) -> bool {
        let lower = path.to_lowercase().replace('-', "_");
        let field = lower.rsplit('.').next().unwrap_or_default();
        // What stands below a secret is one: `credentials = { … }`; but `stores.passengers` is a name that somebody chose.
        let below = lower.split('.').skip(2).any(|part| TELLING.iter().any(|word| part.contains(word)));
        below || field.ends_with("key") || field == "sas" || self.paths.iter().any(|secret| path.starts_with(secret))
    }

    /// A text without any secret that is known.
    pub(super) fn clean(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, (value, instead)| text.replace(value, instead))
    }

    /// An error whose texts are all clean.
    pub(super) fn clean_error(&self, error: Error) -> Error {
        if self.values.is_empty() { error } else { error.rewritten(|text| self.clean(text)) }
    }

    /// A value as it may be shown.
    pub(super) fn json(&self, path: &str, node: &Node) -> Json {
        match &node.value {
            Tree::Table(table) => table
                .iter()
                .map(|(key, node)| (key.clone(), self.json(&join(path, key), node)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Tree::List(items) => items.iter().enumerate().map(|(at, node)| self.json(&format!("{path}[{at}]"), node)).collect(),
            Tree::Text(text) => self.shown(path, text).into(),
            _ if self.is_secret(path) => REDACTED.into(),
            Tree::Int(number) => (*number).into(),
            Tree::Float(number) => serde_json::Number::from_f64(*number).map_or_else(|| number.to_string().into(), Json::Number),
            Tree::Bool(value) => (*value).into(),
        }
    }

    /// A text as it may be shown: what comes from elsewhere as it is written.
    fn shown(&self, path: &str, text: &Text) -> String {
        if self.is_secret(path) {
            return if text.looked_up && is_reference(&text.written) { text.written.clone() } else { REDACTED.to_owned() };
        }
        let text = if text.looked_up { without_defaults(&text.written, REDACTED) } else { text.value.clone() };
        self.clean(&without_url_secrets(&text))
    }
}

/// What stands before the `@` of a URL, if there is a password in it.
fn userinfo(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let (userinfo, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    // `container@account` of Azure is no secret.
    userinfo.split_once(':').map(|(_, password)| password)
}

/// A URL without its password and its query, which may be a signature.
fn without_url_secrets(text: &str) -> String {
    let text = match userinfo(text) {
        Some(password) if !password.is_empty() => text.replacen(&format!(":{password}@"), &format!(":{REDACTED}@"), 1),
        _ => text.to_owned(),
    };
    match text.split_once('?') {
        Some((before, query)) if text.contains("://") && !query.is_empty() => format!("{before}?{REDACTED}"),
        _ => text,
    }
}
