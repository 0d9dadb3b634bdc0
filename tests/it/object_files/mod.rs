//! Files of every format, objects and bytes in a bucket, of an S3 server in this process.

mod commits;
mod conformance;
mod failures;
mod server;
mod tables;

use lakewright::io::storage::{S3Config, Storage, StorageConfig};

/// How the server is reached.
fn config(endpoint: &str) -> StorageConfig {
    let s3 = S3Config::new().endpoint(endpoint).region("us-east-1").access_key(server::KEY, server::SECRET);
    StorageConfig::new().s3(s3).allow_http(true).retries(0, std::time::Duration::from_secs(1))
}

/// A part of the bucket that no other test has.
fn place(name: &str) -> Storage {
    Storage::open(&format!("s3://{}/{name}", server::BUCKET), &config(server::endpoint())).unwrap()
}
