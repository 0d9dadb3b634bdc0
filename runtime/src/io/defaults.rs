//! The stores that are there without a word, each under its own folder of one local root. This is the one list of them.

use std::path::Path;
use std::sync::Arc;

use super::{IoManager, memory::MemoryIoManager};
use crate::asset::ValueKind;

/// The key of the store for assets that name none, where none is bound to `io_manager`.
pub(crate) fn default_store_key(kind: ValueKind) -> &'static str {
    let key = if kind == ValueKind::Table { FRAMES } else { OBJECTS };
    key.unwrap_or("memory")
}

#[cfg(feature = "delta")]
const FRAMES: Option<&str> = Some("delta");
#[cfg(not(feature = "delta"))]
const FRAMES: Option<&str> = None;
#[cfg(feature = "fs")]
const OBJECTS: Option<&str> = Some("fs");
#[cfg(not(feature = "fs"))]
const OBJECTS: Option<&str> = None;

/// The default stores by key.
pub(crate) fn default_stores(root: &Path) -> Vec<(&'static str, Arc<dyn IoManager>)> {
    #[allow(unused_mut, reason = "without features there is nothing to add")]
    let mut stores: Vec<(&'static str, Arc<dyn IoManager>)> = vec![("memory", Arc::new(MemoryIoManager::new()))];
    #[cfg(feature = "delta")]
    stores.push(("delta", Arc::new(super::delta::DeltaIoManager::new(root.join("delta")))));
    #[cfg(feature = "duckdb")]
    stores.push(("duckdb", Arc::new(super::duckdb::DuckDbIoManager::new(root.join("duckdb/lakewright.duckdb")))));
    #[cfg(feature = "parquet")]
    stores.push(("parquet", Arc::new(super::file::ParquetIoManager::new(root.join("parquet")))));
    #[cfg(feature = "csv")]
    stores.push(("csv", Arc::new(super::file::CsvIoManager::new(root.join("csv")))));
    #[cfg(feature = "json")]
    stores.push(("json", Arc::new(super::file::JsonIoManager::new(root.join("json")))));
    #[cfg(feature = "ipc")]
    stores.push(("ipc", Arc::new(super::file::IpcIoManager::new(root.join("ipc")))));
    #[cfg(feature = "fs")]
    stores.push(("fs", Arc::new(super::fs::FsIoManager::new(root.join("fs")))));
    // Without features nothing is below the root.
    let _ = root;
    stores
}
