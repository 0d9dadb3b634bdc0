//! The one opaque value between bodies and stores, so that frames and stores are N + M and not N × M.

mod bytes;
mod object;

pub use bytes::Bytes;
pub use object::{Object, ObjectFormat};

use crate::asset::ValueKind;
use crate::frame::Table;

/// What a body produced or a store loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum Value {
    /// Rows and columns, possibly not computed yet.
    Table(Table),
    /// Any value that serde can write.
    Object(Object),
    /// Bytes with an extension.
    Bytes(Bytes),
}

impl Value {
    /// What sort of value it is.
    #[must_use]
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Table(_) => ValueKind::Table,
            Self::Object(_) => ValueKind::Object,
            Self::Bytes(_) => ValueKind::Bytes,
        }
    }
}
