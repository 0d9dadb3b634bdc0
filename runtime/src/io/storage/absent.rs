//! In place of a provider that the program was built without.

use super::StorageConfig;
use super::remote::Bucket;
use crate::error::{Error, ErrorKind, Result};

pub(super) fn open(bucket: &str, _: &StorageConfig) -> Result<Bucket> {
    let message = format!("the bucket `{bucket}` is in an object store that this program was built without");
    Err(Error::new(ErrorKind::Config, message).help("build with the feature `s3`, `azure` or `gcs`, as its URL says"))
}
