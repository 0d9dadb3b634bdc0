//! Which part of a table a step reads or writes, as data with a text form and a digest that never change.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// The part of a table that belongs to one run of an asset.
///
/// The canonical text and the digest are in tables, logs and paths, so they are the same for ever.
///
/// ```
/// use lakewright::Slice;
///
/// assert_eq!(Slice::Whole.to_string(), "v1:all");
/// assert_eq!(Slice::Whole.digest().len(), 32);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Slice {
    /// The whole table.
    #[default]
    Whole,
    /// These partitions, as disjoint boxes in canonical order.
    Keys(Arc<[KeyBox]>),
}

/// The partitions with one of some keys in each dimension.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyBox {
    /// The keys of each dimension, sorted by the name of the dimension, which is empty for the only one of a definition that is not
    /// multi-dimensional.
    pub dimensions: Vec<(Arc<str>, Vec<KeyItem>)>,
}

/// One key, or the keys of consecutive windows of time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyItem {
    /// One key.
    One(Arc<str>),
    /// The first and the last of at least two consecutive windows.
    Span(Arc<str>, Arc<str>),
}

impl Slice {
    /// 32 hexadecimal digits of BLAKE3 over the canonical text.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(self.to_string().as_bytes()).to_hex()[..32].to_owned()
    }
}

impl FromStr for Slice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "v1:all" => Ok(Self::Whole),
            _ => Err(Error::new(ErrorKind::Unsupported, format!("`{text}` is not a slice that this program knows"))),
        }
    }
}

impl TryFrom<String> for Slice {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Slice> for String {
    fn from(slice: Slice) -> Self {
        slice.to_string()
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Slice::Whole => f.write_str("v1:all"),
            Slice::Keys(_) => unimplemented!(),
        }
    }
}
