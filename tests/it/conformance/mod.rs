//! Every store keeps the rules; and the rules are found where a store does not.

mod broken;
mod page;

use lakewright::io::delta::DeltaIoManager;
use lakewright::io::file::{CsvIoManager, ParquetIoManager};
use lakewright::io::fs::FsIoManager;
use lakewright::io::memory::MemoryIoManager;

lakewright::conformance! {
    mod delta: [append, error, ignore, lasting, one_table, schema_mode, schemas, snapshots, tables, versions]
        => |place| DeltaIoManager::new(place.folder())
}

lakewright::conformance! {
    mod parquet: [error, ignore, lasting, snapshots, tables] => |place| ParquetIoManager::new(place.folder())
}

lakewright::conformance! {
    mod csv: [error, ignore, lasting, snapshots, tables] => |place| CsvIoManager::new(place.folder())
}

lakewright::conformance! {
    mod fs: [bytes, error, ignore, lasting, objects, snapshots] => |place| FsIoManager::new(place.folder())
}

lakewright::conformance! {
    mod memory: [append, bytes, error, ignore, objects, snapshots, tables] => |_place| MemoryIoManager::new()
}
