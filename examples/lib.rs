//! What the examples share: where their data is.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

/// A file that comes with the examples, wherever they are run from.
#[must_use]
pub fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file)
}
