//! File stores in buckets keep the rules of every store: one of tables and one of objects, since what differs between formats does not
//! know where the files are.

use lakewright::io::file::ParquetIoManager;
use lakewright::io::fs::FsIoManager;

use crate::object_stores::{Cloud, at};

lakewright::conformance! {
    mod parquet_on_s3: [error, ignore, lasting, snapshots, tables] => |place| ParquetIoManager::at(at(Cloud::S3, &place))
}

lakewright::conformance! {
    mod fs_on_s3: [bytes, error, ignore, lasting, objects, snapshots] => |place| FsIoManager::at(at(Cloud::S3, &place))
}
