//! Bytes that are something to somebody else: plots, models, archives.

use std::ops::Deref;

/// Bytes with the extension of the file they would be.
///
/// A type of its own and not `Vec<u8>`, which is an ordinary object to serde.
///
/// ```
/// use lakewright::Bytes;
///
/// let plot = Bytes::new("<svg/>", "svg");
/// assert_eq!(plot.extension(), "svg");
/// assert_eq!(plot.len(), 6);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes {
    data: Vec<u8>,
    extension: String,
}

impl Bytes {
    /// Bytes, and the extension of their file without the dot.
    pub fn new(data: impl Into<Vec<u8>>, extension: impl Into<String>) -> Self {
        Self { data: data.into(), extension: extension.into() }
    }

    /// The extension, without the dot.
    #[must_use]
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// The bytes themselves.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.data
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.data
    }
}
