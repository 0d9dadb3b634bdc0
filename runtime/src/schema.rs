//! Columns and their types, as they are recorded and shown; how a frame or a store names its types is its own affair.

use serde::{Deserialize, Serialize};

/// A column of something stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, in the words of the store.
    #[serde(rename = "type")]
    pub data_type: String,
}

impl Column {
    /// A column with this name and type.
    pub fn new(name: impl Into<String>, data_type: impl Into<String>) -> Self {
        Self { name: name.into(), data_type: data_type.into() }
    }
}
