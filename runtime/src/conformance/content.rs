//! What was stored and what is read back, in a form that can be compared and shown.

use std::fmt;
use std::sync::Arc;

use super::breach::{Breach, Verdict};
use super::tables;
use crate::asset::ValueKind;
use crate::env::Env;
use crate::value::{Bytes, Object, Value};

/// A value as a test sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// The rows of a table, as texts in their order.
    Rows(Vec<String>),
    /// An object, as JSON has it.
    Object(serde_json::Value),
    /// Bytes and their extension.
    Bytes(Vec<u8>, String),
}

impl Content {
    /// The content of a value.
    pub(super) async fn of(value: Value, env: &Arc<dyn Env>) -> Verdict<Self> {
        Ok(match value {
            Value::Table(table) => Self::Rows(tables::rows(table, env).await?),
            Value::Object(object) => Self::Object(object.decode()?),
            Value::Bytes(bytes) => {
                let extension = bytes.extension().to_owned();
                Self::Bytes(bytes.into_vec(), extension)
            }
        })
    }

    /// The content of the `n`th sample.
    pub(super) fn sample(kind: ValueKind, n: i64) -> Verdict<Self> {
        Ok(match kind {
            ValueKind::Table => Self::Rows(tables::sample_rows(n)).sorted(),
            ValueKind::Object => Self::Object(object(n)),
            ValueKind::Bytes => Self::Bytes(bytes(n), "bin".to_owned()),
            ValueKind::Nothing => return Err(Breach::new("a store says that it holds nothing")),
        })
    }

    /// The same in an order that says nothing.
    pub(super) fn sorted(self) -> Self {
        match self {
            Self::Rows(mut rows) => {
                rows.sort();
                Self::Rows(rows)
            }
            other => other,
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) if rows.is_empty() => f.write_str("no rows"),
            Self::Rows(rows) if rows.len() > 12 => write!(f, "{} rows, first {}", rows.len(), rows[..12].join(", ")),
            Self::Rows(rows) => f.write_str(&rows.join(", ")),
            Self::Object(json) => write!(f, "{json}"),
            Self::Bytes(bytes, extension) => {
                write!(f, "{} bytes .{extension}: {:?}", bytes.len(), String::from_utf8_lossy(bytes))
            }
        }
    }
}

/// The `n`th value of a kind. All of one kind have the same columns, so each may follow the other.
pub(super) fn sample(kind: ValueKind, n: i64) -> Verdict<Value> {
    Ok(match kind {
        ValueKind::Table => Value::Table(tables::sample(n)?),
        ValueKind::Object => Value::Object(Object::new(object(n))),
        ValueKind::Bytes => Value::Bytes(Bytes::new(bytes(n), "bin")),
        ValueKind::Nothing => return Err(Breach::new("a store says that it holds nothing")),
    })
}

fn object(n: i64) -> serde_json::Value {
    serde_json::json!({ "n": n, "text": format!("{n} is 'quoted' and \"quoted\", äö"), "list": [n, null, 1.5], "big": i64::MAX })
}

fn bytes(n: i64) -> Vec<u8> {
    let mut bytes = vec![0, 255, 10, 13, 0];
    bytes.extend(n.to_le_bytes());
    bytes
}
