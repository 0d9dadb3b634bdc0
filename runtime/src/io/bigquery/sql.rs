//! Text in BigQuery's SQL, with values that stand apart from it.
//!
//! A query binds them as parameters. A script of several statements has them as literals of their types, written by the one function
//! here: what is bound to a script is not bound everywhere to each of its statements.

use std::fmt::Write;

use serde_json::{Value as Json, json};

/// The types of values in predicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int,
    Bool,
    Date,
    Datetime,
    Timestamp,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::Int => "INT64",
            Self::Bool => "BOOL",
            Self::Date => "DATE",
            Self::Datetime => "DATETIME",
            Self::Timestamp => "TIMESTAMP",
        }
    }

    /// A value as it is written in a statement.
    fn literal(self, value: &str) -> String {
        match self {
            Self::Text => text_literal(value),
            // Both come from numbers and bools, never from a person's text.
            Self::Int | Self::Bool => value.to_owned(),
            Self::Date | Self::Datetime | Self::Timestamp => format!("{} {}", self.name(), text_literal(value)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    One(Kind, String),
    Many(Kind, Vec<String>),
}

/// A statement, or a part of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sql {
    pieces: Vec<Piece>,
}

impl Sql {
    /// Text without values.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Text(text.into())] }
    }

    /// With this text after it.
    pub(super) fn and(mut self, text: impl AsRef<str>) -> Self {
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text.as_ref()),
            _ => self.pieces.push(Piece::Text(text.as_ref().to_owned())),
        }
        self
    }

    /// With a value after it.
    pub(super) fn value(mut self, kind: Kind, value: impl Into<String>) -> Self {
        self.pieces.push(Piece::One(kind, value.into()));
        self
    }

    /// With an array of values after it.
    pub(super) fn values(mut self, kind: Kind, values: Vec<String>) -> Self {
        self.pieces.push(Piece::Many(kind, values));
        self
    }

    /// With another part after it.
    pub(super) fn then(mut self, other: Self) -> Self {
        for piece in other.pieces {
            match piece {
                Piece::Text(text) => self = self.and(text),
                value => self.pieces.push(value),
            }
        }
        self
    }

    /// Several, with this text between them.
    pub(super) fn join(all: impl IntoIterator<Item = Self>, between: &str) -> Self {
        all.into_iter().reduce(|one, other| one.and(between).then(other)).unwrap_or_default()
    }

    /// The text with parameters, and their values as the API takes them.
    pub(super) fn bound(&self) -> (String, Vec<Json>) {
        let (mut text, mut parameters) = (String::new(), Vec::new());
        for piece in &self.pieces {
            let name = format!("p{}", parameters.len());
            match piece {
                Piece::Text(piece) => {
                    text.push_str(piece);
                    continue;
                }
                Piece::One(kind, value) => parameters.push(json!({
                    "name": name, "parameterType": { "type": kind.name() }, "parameterValue": { "value": value },
                })),
                Piece::Many(kind, values) => parameters.push(json!({
                    "name": name,
                    "parameterType": { "type": "ARRAY", "arrayType": { "type": kind.name() } },
                    "parameterValue": { "arrayValues": values.iter().map(|value| json!({ "value": value })).collect::<Vec<_>>() },
                })),
            }
            text.push('@');
            text.push_str(&name);
        }
        (text, parameters)
    }

    /// The text with the values in it.
    pub(super) fn inline(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::One(kind, value) => kind.literal(value),
            Piece::Many(kind, values) => {
                format!("[{}]", values.iter().map(|value| kind.literal(value)).collect::<Vec<_>>().join(", "))
            }
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// A name in backquotes.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// Names in backquotes, separated by commas.
pub(super) fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

fn text_literal(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 2);
    literal.push('\'');
    for c in value.chars() {
        match c {
            '\\' | '\'' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            c if c.is_control() => {
                // Writing to a string does not fail.
                let _ = write!(literal, "\\u{:04x}", c as u32);
            }
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bound_or_written_as_literals_of_their_types() {
        let sql = Sql::text("`s` IN UNNEST(").values(Kind::Text, vec!["a'b".into(), "c\\`\"".into()]).and(") AND `d` < ");
        let sql = sql.value(Kind::Date, "2024-01-02");
        let (text, parameters) = sql.bound();
        assert_eq!(text, "`s` IN UNNEST(@p0) AND `d` < @p1");
        assert_eq!(parameters[0]["parameterValue"]["arrayValues"][0]["value"], "a'b");
        assert_eq!(parameters[1]["parameterType"]["type"], "DATE");
        assert_eq!(sql.inline(), r#"`s` IN UNNEST(['a\'b', 'c\\`"']) AND `d` < DATE '2024-01-02'"#);
    }

    #[test]
    fn nothing_ends_a_literal_or_a_name_early() {
        assert_eq!(text_literal("x'; DROP TABLE t; --\n\u{0}\\"), r"'x\'; DROP TABLE t; --\n\u0000\\'");
        assert_eq!(quoted("a`b\\"), r"`a\`b\\`");
    }
}
