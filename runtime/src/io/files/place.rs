//! What a file is of, and what it is called.

use super::MANIFESTS;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{AssetKey, path_segment};
use crate::partition::{KeySet, PartitionKey};

/// What a file is of: an asset, or one partition of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePlace {
    name: String,
    pub(super) segments: Vec<String>,
}

impl FilePlace {
    /// The file of an asset without partitions: `<key…>`.
    #[must_use]
    pub fn of(key: &AssetKey) -> Self {
        Self { name: key.to_string(), segments: key.segments().map(path_segment).collect() }
    }

    /// The file of a partition: `<key…>/<partition>`; dimensions nest, sorted by name, and the last one names the file.
    #[must_use]
    pub fn partition(mut self, key: &PartitionKey) -> Self {
        self.name = format!("{} in {key}", self.name);
        self.segments.extend(key.dimensions().map(|(_, value)| path_segment(value)));
        self
    }

    /// The file of each partition that a slice names, or the one of everything.
    #[must_use]
    pub fn each_of_keys(asset: &AssetKey, keys: Option<&KeySet>) -> Vec<Self> {
        match keys {
            None => vec![Self::of(asset)],
            Some(keys) => keys.keys().map(|key| Self::of(asset).partition(&key)).collect(),
        }
    }

    /// The file of what a slice names, which is everything or one partition.
    ///
    /// # Errors
    /// If it names several partitions.
    pub fn of_keys(asset: &AssetKey, keys: Option<&KeySet>) -> Result<Self> {
        let Some(keys) = keys else { return Ok(Self::of(asset)) };
        match keys.keys().next() {
            Some(key) if keys.len() == 1 => Ok(Self::of(asset).partition(&key)),
            _ => Err(Error::new(ErrorKind::Internal, format!("{} partitions of `{asset}` are not one file", keys.len()))),
        }
    }

    pub(super) fn file_name(&self) -> &str {
        self.segments.last().map_or("", String::as_str)
    }

    /// Its name below a base, without the extension, with `/` between its parts.
    pub(super) fn key(&self) -> String {
        self.segments.join("/")
    }

    /// Refuses the folder of the manifests.
    pub(super) fn check(&self) -> Result<()> {
        if self.segments.first().is_some_and(|first| first == MANIFESTS) {
            let message = format!("`{MANIFESTS}` is where a file store keeps its manifests");
            return Err(Error::new(ErrorKind::InvalidKey, message).help("choose another first segment for the key"));
        }
        Ok(())
    }
}

impl std::fmt::Display for FilePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.name)
    }
}
