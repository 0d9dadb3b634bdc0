//! Scans of Polars: where the files are, and how it reaches them itself, by requests for ranges.
//!
//! Polars makes a client of its own. It is given what ours was given, and instead of keys the provider that ours has, so that no plan
//! ever holds a secret.

use polars::io::cloud::CloudOptions;
use polars::io::utils::file::{Writable, WritableTrait};
use polars::prelude::PlRefPath;

use super::{Place, Storage, Upload};
use crate::error::Result;

impl Storage {
    /// The file of this name, for a scan.
    ///
    /// # Errors
    /// If it cannot be a path.
    pub fn scan_path(&self, name: &str) -> Result<PlRefPath> {
        Ok(match &self.place {
            Place::Local(folder) => PlRefPath::try_from_path(&folder.join(name))?,
            Place::Remote { .. } => PlRefPath::new(format!("{self}/{name}")),
        })
    }

    /// How a scan reaches it; nothing for a folder.
    #[must_use]
    pub fn cloud_options(&self) -> Option<CloudOptions> {
        match &self.place {
            Place::Local(_) => None,
            Place::Remote { bucket, .. } => Some(bucket.scans()),
        }
    }
}

impl From<Upload> for Writable {
    /// What a sink writes into. Its end is the end of the upload, which a plan that fails never comes to.
    fn from(upload: Upload) -> Self {
        upload.into_file().map_or_else(|upload| Self::Dyn(Box::new(upload)), Self::Local)
    }
}

impl WritableTrait for Upload {
    fn close(&mut self) -> std::io::Result<()> {
        Upload::close(self)
    }

    // Nothing of an object is there before its end, which makes it durable.
    fn sync_all(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn sync_data(&self) -> std::io::Result<()> {
        Ok(())
    }
}
