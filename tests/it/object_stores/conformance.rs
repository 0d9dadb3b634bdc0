//! Stores in buckets keep the rules of every store. Where an emulator is missing, they are asked of a folder instead.

use lakewright::conformance::Place;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::file::ParquetIoManager;
use lakewright::io::storage::Storage;

use super::clouds::Cloud;

/// The part of the bucket for what is tried at this place.
pub(crate) fn at(cloud: Cloud, place: &Place) -> Storage {
    let Some(at) = cloud.at() else { return Storage::local(place.folder()) };
    let url = format!("{}://lakewright/rules-{}-{}", cloud.scheme(), std::process::id(), place.name());
    // Some of the rules ask a lot of an emulator at once.
    let patient = cloud.config(&at).retries(10, std::time::Duration::from_mins(4));
    Storage::open(&url, &patient).unwrap()
}

lakewright::conformance! {
    mod delta_on_s3: [append, error, ignore, lasting, merge, one_table, schema_mode, schemas, snapshots, tables, versions]
        => |place| DeltaIoManager::at(at(Cloud::S3, &place))
}

lakewright::conformance! {
    mod delta_on_azure: [append, error, ignore, lasting, merge, one_table, schema_mode, schemas, snapshots, tables, versions]
        => |place| DeltaIoManager::at(at(Cloud::Azure, &place))
}

lakewright::conformance! {
    mod delta_on_gcs: [append, error, ignore, lasting, merge, one_table, schema_mode, schemas, snapshots, tables, versions]
        => |place| DeltaIoManager::at(at(Cloud::Gcs, &place))
}

lakewright::conformance! {
    mod parquet_on_azure: [error, ignore, lasting, snapshots, tables] => |place| ParquetIoManager::at(at(Cloud::Azure, &place))
}

lakewright::conformance! {
    mod parquet_on_gcs: [error, ignore, lasting, snapshots, tables] => |place| ParquetIoManager::at(at(Cloud::Gcs, &place))
}
