//! Where the store of one test is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use tempfile::TempDir;

use crate::io::IoManager;

/// Where the store of one test is: nothing is there when the test begins, and nobody else uses it.
#[derive(Debug, Clone)]
pub struct Place {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    folder: PathBuf,
    root: TempDir,
}

/// How a store is opened.
pub type Open = fn(Place) -> Opening;

/// A store that is being opened.
pub type Opening = BoxFuture<'static, Arc<dyn IoManager>>;

impl Place {
    pub(super) fn new(rule: &str) -> Self {
        let root = TempDir::new().expect("a folder for temporary files");
        let folder = root.path().join("store");
        std::fs::create_dir(&folder).expect("a folder for the store");
        // Short, since a schema or a bucket may not have a long name.
        let short: String = rule.chars().filter(char::is_ascii_alphabetic).take(20).collect();
        let unique = root.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let unique: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
        Self { inner: Arc::new(Inner { name: format!("{short}{unique}"), folder, root }) }
    }

    /// A folder for stores that are files. It is there, is empty, and is removed with the test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// A name that no other test has, for a bucket, a container, a schema: ASCII letters and digits in lower case, first a letter.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Where the log of runs is, beside the folder.
    pub(super) fn root(&self) -> &Path {
        self.inner.root.path()
    }
}
