//! The options that a store publishes, as a table: `options = { compression = "zstd" }`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::metadata::MetadataValue;

/// Options by name.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Options(BTreeMap<String, OptionValue>);

impl Options {
    pub(super) fn pairs(self) -> Vec<(String, MetadataValue)> {
        self.0.into_iter().map(|(name, value)| (name, value.0)).collect()
    }
}

/// Text, a number or a truth value.
#[derive(Debug)]
pub(super) struct OptionValue(MetadataValue);

#[cfg(feature = "duckdb")]
impl OptionValue {
    pub(super) fn into_inner(self) -> MetadataValue {
        self.0
    }
}

impl<'de> Deserialize<'de> for OptionValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = MetadataValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number, `true` or `false`")
            }

            fn visit_str<E>(self, text: &str) -> Result<MetadataValue, E> {
                Ok(text.into())
            }

            fn visit_i64<E>(self, number: i64) -> Result<MetadataValue, E> {
                Ok(number.into())
            }

            fn visit_f64<E>(self, number: f64) -> Result<MetadataValue, E> {
                Ok(number.into())
            }

            fn visit_bool<E>(self, value: bool) -> Result<MetadataValue, E> {
                Ok(value.into())
            }
        }

        deserializer.deserialize_any(Visitor).map(Self)
    }
}
