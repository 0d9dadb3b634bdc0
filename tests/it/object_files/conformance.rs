//! File stores in buckets keep the rules of every store.

use lakewright::io::file::{CsvIoManager, IpcIoManager, JsonIoManager, ParquetIoManager};
use lakewright::io::fs::FsIoManager;

use super::place as bucket;

lakewright::conformance! {
    mod parquet_on_s3: [error, ignore, lasting, snapshots, tables] => |place| ParquetIoManager::at(bucket(place.name()))
}

lakewright::conformance! {
    mod csv_on_s3: [error, ignore, lasting, snapshots, tables] => |place| CsvIoManager::at(bucket(place.name()))
}

lakewright::conformance! {
    mod json_on_s3: [error, ignore, lasting, snapshots, tables] => |place| JsonIoManager::at(bucket(place.name()))
}

lakewright::conformance! {
    mod ipc_on_s3: [error, ignore, lasting, snapshots, tables] => |place| IpcIoManager::at(bucket(place.name()))
}

lakewright::conformance! {
    mod fs_on_s3: [bytes, error, ignore, lasting, objects, snapshots] => |place| FsIoManager::at(bucket(place.name()))
}
