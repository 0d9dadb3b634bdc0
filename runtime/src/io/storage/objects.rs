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
}
