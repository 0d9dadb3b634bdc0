//! Wrong credentials, servers that are gone, connections that are cut: what was stored still is, and the error says where.

use std::io::Write;
use std::net::TcpListener;

use lakewright::ErrorKind;
use lakewright::event::Failure;
use lakewright::io::file::ParquetIoManager;
use lakewright::io::storage::{S3Config, Storage, StorageConfig};
use tempfile::tempdir;

use super::{config, place, server};
use crate::support::{abc, frame_builder, lakehouse, run_all, run_to_failure};

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

#[test]
fn a_server_that_is_gone_is_worth_another_try() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let failure = failure("s3://lake/gone", &config(&endpoint));
    assert!(failure.retryable, "{failure:?}");
    says_where(&failure, "s3://lake");
}

#[test]
fn a_connection_that_is_cut_while_a_table_is_written_leaves_the_old_one() {
    let (root, storage) = (tempdir().unwrap(), place("cut"));
    let asset = |store: &'static str| frame_builder("p/t", abc(), |asset| asset.io_manager(store));
    run_all(&lakehouse(&root, [asset("objects")]).io_manager("objects", ParquetIoManager::at(storage.clone())).build().unwrap());
    let before = storage.get("p/t.parquet").unwrap().unwrap();
    // It answers each request with the beginning of an answer.
    let cutting = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", cutting.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in cutting.incoming().flatten() {
            drop(stream.write_all(b"HTTP/1.1 20"));
        }
    });
    let failure = failure("s3://lake/cut", &config(&endpoint));
    assert!(failure.retryable, "{failure:?}");
    says_where(&failure, "s3://lake/cut");
    assert_eq!(storage.get("p/t.parquet").unwrap().unwrap(), before);
}
