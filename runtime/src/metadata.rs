//! What users attach to an asset or to one materialization of it.

use serde::{Deserialize, Serialize};

/// A value somebody attached to an asset or a materialization, with enough of a type to show it well.
///
/// ```
/// use lakewright::MetadataValue;
///
/// assert_eq!(MetadataValue::from(3), MetadataValue::Int(3));
/// assert_eq!(MetadataValue::from("a").to_string(), "a");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum MetadataValue {
    /// Plain text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// Any other number, also one that is not finite.
    #[serde(with = "any_float")]
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Anything structured.
    Json(serde_json::Value),
    /// A path on this machine.
    Path(String),
    /// A link.
    Url(String),
    /// Text to be rendered as Markdown.
    Markdown(String),
    /// Rows to be shown as a table.
    Table {
        /// The header.
        columns: Vec<String>,
        /// One vector of cells per row.
        rows: Vec<Vec<String>>,
    },
}

impl std::fmt::Display for MetadataValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) | Self::Path(text) | Self::Url(text) | Self::Markdown(text) => f.write_str(text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Json(value) => write!(f, "{value}"),
            Self::Table { columns, rows } => write!(f, "{} rows of {}", rows.len(), columns.join(", ")),
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident,)*) => {
        $(impl From<$from> for MetadataValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! { &str => Text, String => Text, i32 => Int, u32 => Int, i64 => Int, f32 => Float, f64 => Float, bool => Bool, serde_json::Value => Json, }

/// JSON has no way to write a number that is not finite, and writes null, which would not be read back: such numbers are text.
mod any_float {
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Text(String),
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if number.is_finite() { serializer.serialize_f64(*number) } else { serializer.serialize_str(&number.to_string()) }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(number),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}
