//! Wrong credentials: the error says where, and tells no secret.

use lakewright::ErrorKind;
use lakewright::event::Failure;
use lakewright::io::file::ParquetIoManager;
use lakewright::io::storage::{S3Config, Storage, StorageConfig};
use tempfile::tempdir;

use super::server;
use crate::support::{abc, frame_builder, lakehouse, run_to_failure};

fn failure(url: &str, config: &StorageConfig) -> Failure {
    let root = tempdir().unwrap();
    let store = ParquetIoManager::at(Storage::open(url, config).unwrap());
    let asset = frame_builder("p/t", abc(), |asset| asset.io_manager("objects"));
    run_to_failure(&lakehouse(&root, [asset]).io_manager("objects", store).build().unwrap())
}

fn says_where(failure: &Failure, location: &str) {
    let all = format!("{failure:?}");
    for part in [location, "p/t", "objects"] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(!all.contains(server::SECRET), "{all}");
}

#[test]
fn wrong_keys_are_refused_and_never_told() {
    let s3 = S3Config::new().endpoint(server::endpoint()).region("us-east-1").access_key(server::KEY, "quite another secret");
    let failure = failure("s3://lake/keys", &StorageConfig::new().s3(s3).allow_http(true));
    assert_eq!((failure.code.as_str(), failure.retryable), (ErrorKind::Io.code(), false), "{failure:?}");
    says_where(&failure, "s3://lake");
    assert!(!format!("{failure:?}").contains("quite another secret"));
}
