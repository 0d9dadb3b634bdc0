//! A place as those see it who speak of object stores.

use std::sync::Arc;

use object_store::ObjectStore;

use super::{Place, Storage};
use crate::error::Result;

impl Storage {
    /// The part of the bucket as an object store of its own; nothing for a folder.
    ///
    /// # Errors
    /// If its name cannot be one.
    pub(crate) fn object_store(&self) -> Result<Option<Arc<dyn ObjectStore>>> {
        match &self.place {
            Place::Local(_) => Ok(None),
            Place::Remote { bucket, prefix } => bucket.below(prefix).map(Some),
        }
    }

    /// The names of everything below it, without blocking.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub(crate) async fn names(&self) -> Result<Vec<String>> {
        let entries = match &self.place {
            Place::Local(_) => self.list("")?,
            Place::Remote { bucket, prefix } => bucket.listed(prefix, "").await?,
        };
        Ok(entries.into_iter().map(|entry| entry.path).collect())
    }
}
