//! The emulators, and what is asked of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lakewright::io::delta::DeltaIoManager;
use lakewright::io::storage::{AzureConfig, GcsConfig, S3Config, Storage, StorageConfig};
use lakewright::prelude::*;
use lakewright::{AssetSpec, LakehouseBuilder};
use tempfile::TempDir;

use crate::support::read_delta;

/// The object stores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cloud {
    S3,
    Azure,
    Gcs,
}

pub(super) const CLOUDS: [Cloud; 3] = [Cloud::S3, Cloud::Azure, Cloud::Gcs];

/// Where an emulator is; nothing, with a word, if it was not started.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
pub(super) fn emulator(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    let required = std::env::var("LAKEWRIGHT_EMULATORS").is_ok_and(|set| set == "required");
    assert!(found.is_some() || !required, "{variable} is not set; run `source <(tests/emulators/start.sh)`");
    if found.is_none() {
        eprintln!("skipped: {variable} is not set; run `source <(tests/emulators/start.sh)`");
    }
    found
}

impl Cloud {
    pub(super) fn at(self) -> Option<String> {
        emulator(match self {
            Self::S3 => "LAKEWRIGHT_S3",
            Self::Azure => "LAKEWRIGHT_AZURE",
            Self::Gcs => "LAKEWRIGHT_GCS",
        })
    }

    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "az",
            Self::Gcs => "gs",
        }
    }

    /// What reaches it at this address.
    pub(super) fn config(self, at: &str) -> StorageConfig {
        let config = StorageConfig::new().allow_http(true).retries(2, Duration::from_secs(20));
        match self {
            Self::S3 => config.s3(S3Config::new().endpoint(at).region("eu-test-1").access_key("our-key", "our-secret")),
            Self::Azure => config.azure(AzureConfig::new().emulator().endpoint(at)),
            Self::Gcs => config.gcs(GcsConfig::new().endpoint(at).service_account_key(
                r#"{"client_email": "x@y.z", "private_key": "", "private_key_id": "", "disable_oauth": true}"#,
            )),
        }
    }

    /// A part of the bucket that no other test uses, reached at this address.
    pub(super) fn storage_at(self, at: &str) -> Storage {
        Storage::open(&fresh_url(self), &self.config(at)).unwrap()
    }

    /// A part of the bucket that no other test uses.
    pub(crate) fn storage(self) -> Option<Storage> {
        self.at().map(|at| self.storage_at(&at))
    }
}

/// `s3://lakewright/<unique>`.
pub(super) fn fresh_url(cloud: Cloud) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{}://lakewright/{}-{now}-{count}", cloud.scheme(), std::process::id())
}

/// A lakehouse whose tables are there.
pub(super) fn lakehouse(root: &TempDir, storage: &Storage, assets: impl IntoIterator<Item = AssetSpec>) -> LakehouseBuilder {
    crate::support::lakehouse(root, assets).io_manager("delta", DeltaIoManager::at(storage.clone()))
}

/// A table as it is in the bucket, read by delta-rs and Polars from a copy of its objects.
pub(super) fn read(storage: &Storage, table: &str) -> DataFrame {
    let copy = copied(storage, table);
    read_delta(copy.path())
}

/// The objects of a table as files.
pub(super) fn copied(storage: &Storage, table: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in storage.list(table).unwrap() {
        let path = copy.path().join(entry.path.strip_prefix(table).unwrap().trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, storage.get(&entry.path).unwrap().unwrap()).unwrap();
    }
    copy
}

/// Sends a request by hand and gives the body of the answer.
pub(super) fn request(at: &str, head: &str, body: &str) -> String {
    let host = at.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{head}\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}
