//! SQL with the values of its `?`s: text of others is never part of a statement.

use crate::duckdb::SqlValue;

/// SQL and the values of its `?`s, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<String>,
}

impl Sql {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Adds text.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds text with a `?` for this value.
    pub(super) fn bind(&mut self, text: &str, value: impl Into<String>) -> &mut Self {
        self.values.push(value.into());
        self.push(text)
    }

    /// Adds what another says.
    pub(super) fn append(&mut self, other: &Sql) -> &mut Self {
        self.values.extend(other.values.iter().cloned());
        self.push(&other.text)
    }

    /// The values as they are bound.
    pub(super) fn bound(&self) -> Vec<SqlValue> {
        self.values.iter().map(|value| SqlValue::from(value.as_str())).collect()
    }
}
