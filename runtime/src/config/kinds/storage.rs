//! Where a store keeps things: a folder, or a part of a bucket with how it is reached.

use crate::config::{ConfigPath, ConfigTable};
use crate::error::Result;
use crate::io::storage::{Storage, StorageConfig};

/// The place that `root` and `storage` name; without a `root`, the folder of the store's key.
pub(super) fn storage(table: &ConfigTable<'_>, root: Option<&ConfigPath>, storage: &StorageConfig) -> Result<Storage> {
    match root {
        Some(root) => Storage::open(root.as_str(), storage),
        None => Storage::open(&table.folder().to_string_lossy(), storage),
    }
}
