//! Where stores keep things: a folder, or a part of a bucket.

#[cfg(not(all(feature = "s3", feature = "azure", feature = "gcs")))]
mod absent;
#[cfg(feature = "azure")]
mod azure;
#[cfg(any(feature = "s3", feature = "azure", feature = "gcs"))]
mod client;
#[cfg(all(any(feature = "s3", feature = "azure", feature = "gcs"), feature = "polars"))]
mod clouds;
mod config;
#[cfg(feature = "s3")]
mod create;
#[cfg(feature = "dynamodb")]
mod dynamodb;
#[cfg(feature = "azure")]
mod emulated;
#[cfg(any(feature = "s3", feature = "azure", feature = "gcs"))]
mod errors;
#[cfg(feature = "gcs")]
mod gcs;
mod local;
#[cfg(all(any(feature = "s3", feature = "azure", feature = "gcs"), not(feature = "polars")))]
mod no_clouds;
#[cfg(all(feature = "s3", not(feature = "dynamodb")))]
mod no_dynamodb;
#[cfg(not(any(feature = "s3", feature = "azure", feature = "gcs")))]
mod no_remote;
#[cfg(feature = "delta")]
mod objects;
mod probe;
#[cfg(any(feature = "s3", feature = "azure", feature = "gcs"))]
mod remote;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "polars")]
mod scan;
#[cfg(any(feature = "s3", feature = "azure", feature = "gcs"))]
mod sending;
#[cfg(any(feature = "s3", feature = "azure", feature = "gcs"))]
mod threads;
mod upload;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

#[cfg(not(feature = "azure"))]
use absent as azure;
#[cfg(not(feature = "gcs"))]
use absent as gcs;
#[cfg(not(feature = "s3"))]
use absent as s3;
pub use config::{AzureConfig, ClientConfig, DynamoDbConfig, GcsConfig, S3Config, StorageConfig};
#[cfg(all(any(feature = "s3", feature = "azure", feature = "gcs"), not(feature = "polars")))]
use no_clouds as clouds;
#[cfg(all(feature = "s3", not(feature = "dynamodb")))]
use no_dynamodb as dynamodb;
#[cfg(not(any(feature = "s3", feature = "azure", feature = "gcs")))]
use no_remote as remote;
pub use upload::Upload;

use remote::Bucket;

use crate::error::{Error, ErrorKind, Result};
use crate::io::files::resolved;

/// Where a store keeps things: a folder, or a part of a bucket.
///
/// Names in it are relative, divided by `/`, and taken as they are: nothing in them is decoded or encoded. All methods block until it is
/// done; none may be called where blocking is not allowed, which is what [`blocking`](crate::env::blocking) is for.
///
/// ```
/// use lakewright::io::storage::{Storage, StorageConfig};
///
/// let folder = Storage::local("lakehouse");
/// assert!(folder.is_local());
/// # #[cfg(feature = "s3")]
/// let bucket = Storage::open("s3://bucket/lakehouse", &StorageConfig::new())?.join(["public"])?;
/// # #[cfg(feature = "s3")]
/// assert_eq!(bucket.to_string(), "s3://bucket/lakehouse/public");
/// # Ok::<(), lakewright::Error>(())
/// ```
#[derive(Clone)]
pub struct Storage {
    place: Place,
}

#[derive(Clone)]
enum Place {
    Local(PathBuf),
    Remote { bucket: Arc<Bucket>, prefix: String },
}

/// Something that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name, relative to the storage that was asked.
    pub path: String,
    /// The bytes.
    pub bytes: u64,
    /// When it was written.
    pub modified: Timestamp,
    /// What tells it from another of the same name, where the object store says so.
    pub tag: Option<String>,
}

impl Storage {
    /// A folder, which need not exist yet.
    pub fn local(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::Local(path.into()) }
    }

    /// `s3://bucket/prefix`, `az://container/prefix`, `abfss://container@account.dfs.core.windows.net/prefix`, `gs://bucket/prefix`, or
    /// a folder. Sends nothing.
    ///
    /// # Errors
    /// If the configuration does not fit, or the program was built without the provider.
    pub fn open(url: &str, config: &StorageConfig) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once("://") else {
            config.check_only("none", url)?;
            return Ok(Self::local(url));
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if scheme == "file" {
            config.check_only("none", url)?;
            return Ok(Self::local(format!("/{path}")));
        }
        if authority.is_empty() {
            let message = format!("`{url}` names no bucket");
            return Err(Error::new(ErrorKind::Config, message).help(format!("write `{scheme}://bucket/prefix`")));
        }
        let before = authority.rsplit_once('@').map(|(before, _)| before);
        if before.is_some_and(|before| before.contains(':') || matches!(scheme, "s3" | "s3a" | "gs" | "gcs")) {
            // Without the URL, which everybody would be told as the place of what is stored: it may hold a key.
            let message = format!("the URL of the bucket, `{scheme}://…`, has something before an `@`");
            return Err(Error::new(ErrorKind::Config, message).help("give keys in the configuration, and the bucket alone here"));
        }
        let bucket = match scheme {
            "s3" | "s3a" => {
                config.check_only("s3", url)?;
                s3::open(authority, config)?
            }
            "az" | "azure" | "adl" | "abfs" | "abfss" => {
                config.check_only("azure", url)?;
                azure::open(authority, config)?
            }
            "gs" | "gcs" => {
                config.check_only("gcs", url)?;
                gcs::open(authority, config)?
            }
            _ => {
                let message = format!("`{scheme}://` is not a place that stores can be in");
                let help = "`s3://`, `az://`, `abfss://` and `gs://` are, and folders";
                return Err(Error::new(ErrorKind::Config, message).help(help));
            }
        };
        let root = Self { place: Place::Remote { bucket: Arc::new(bucket), prefix: String::new() } };
        root.join(path.split('/').filter(|segment| !segment.is_empty()))
    }

    /// Whether it is a folder.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self.place, Place::Local(_))
    }

    /// The folder, if it is one.
    #[must_use]
    pub fn local_path(&self) -> Option<&Path> {
        match &self.place {
            Place::Local(path) => Some(path),
            Place::Remote { .. } => None,
        }
    }

    /// The part of it below these segments.
    ///
    /// # Errors
    /// If a segment cannot be part of a name.
    pub fn join<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut joined = self.clone();
        for segment in segments {
            let segment = segment.as_ref();
            if segment.is_empty() || segment == "." || segment == ".." || segment.contains('/') {
                return Err(
                    Error::new(ErrorKind::Config, format!("`{segment}` cannot be a part of a place")).with("location", self)
                );
            }
            match &mut joined.place {
                Place::Local(path) => path.push(segment),
                Place::Remote { prefix, .. } => {
                    if !prefix.is_empty() {
                        prefix.push('/');
                    }
                    prefix.push_str(segment);
                }
            }
        }
        Ok(joined)
    }

    /// As in a message.
    #[cfg_attr(not(feature = "delta"), expect(dead_code, reason = "the tables of Delta are told of like folders"))]
    pub(crate) fn display(&self) -> impl fmt::Display {
        self
    }

    /// With links in the path resolved as far as it exists, so that one folder has one name; a part of a bucket has one anyway.
    ///
    /// # Errors
    /// If there is no current folder.
    pub fn resolved(&self) -> Result<Self> {
        match &self.place {
            Place::Local(path) => Ok(Self::local(resolved(path)?)),
            Place::Remote { .. } => Ok(self.clone()),
        }
    }

    /// What is stored under this name; nothing if there is nothing.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn entry(&self, name: &str) -> Result<Option<Entry>> {
        match &self.place {
            Place::Local(folder) => local::entry(folder, name),
            Place::Remote { bucket, prefix } => bucket.entry(prefix, name),
        }
    }

    /// Whether something is stored under this name.
    ///
    /// # Errors
    /// As [`Storage::entry`].
    pub fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.entry(name)?.is_some())
    }

    /// Everything below a folder of it, however deep, or with `""` below all of it.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub fn list(&self, folder: &str) -> Result<Vec<Entry>> {
        match &self.place {
            Place::Local(root) => local::list(root, folder),
            Place::Remote { bucket, prefix } => bucket.list(prefix, folder),
        }
    }

    /// Whether anything is below it.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub fn is_occupied(&self) -> Result<bool> {
        match &self.place {
            Place::Local(folder) => Ok(folder.exists()),
            Place::Remote { .. } => Ok(!self.list("")?.is_empty()),
        }
    }

    /// What is stored under this name; nothing if there is nothing.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match &self.place {
            Place::Local(folder) => local::get(folder, name),
            Place::Remote { bucket, prefix } => bucket.get(prefix, name),
        }
    }

    /// The last bytes of what is stored under this name, or all of it if there are fewer.
    ///
    /// # Errors
    /// If it is not there or cannot be read.
    pub fn tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>> {
        match &self.place {
            Place::Local(folder) => local::tail(folder, name, bytes),
            Place::Remote { bucket, prefix } => bucket.tail(prefix, name, bytes),
        }
    }

    /// Stores bytes under this name, all of them or nothing, and replaces what is there.
    ///
    /// # Errors
    /// If it cannot; what was there still is.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        match &self.place {
            Place::Local(folder) => local::put(folder, name, &bytes),
            Place::Remote { bucket, prefix } => bucket.put(prefix, name, bytes),
        }
    }

    /// Stores bytes under this name if nothing is there, and says whether it did: of several writers, exactly one.
    ///
    /// # Errors
    /// If it cannot, or the answer was lost: then it may have been stored.
    pub fn put_if_absent(&self, name: &str, bytes: Vec<u8>) -> Result<bool> {
        match &self.place {
            Place::Local(folder) => local::put_if_absent(folder, name, &bytes),
            Place::Remote { bucket, prefix } => bucket.put_if_absent(prefix, name, bytes),
        }
    }

    /// Copies what is stored under one name to another, and replaces what is there.
    ///
    /// # Errors
    /// If it cannot.
    pub fn copy(&self, from: &str, to: &str) -> Result<()> {
        match &self.place {
            Place::Local(folder) => local::copy(folder, from, to),
            Place::Remote { bucket, prefix } => bucket.copy(prefix, from, to),
        }
    }

    /// Removes what is stored under this name, if something is.
    ///
    /// # Errors
    /// If it cannot.
    pub fn delete(&self, name: &str) -> Result<()> {
        match &self.place {
            Place::Local(folder) => local::delete(folder, name),
            Place::Remote { bucket, prefix } => bucket.delete(prefix, name),
        }
    }

    /// The error of a request here that another error was caused by, if it was: what was tried where, and whether trying again can
    /// help.
    #[cfg_attr(not(feature = "delta"), expect(dead_code, reason = "only Delta asks for it"))]
    pub(crate) fn failure(&self, error: &(dyn std::error::Error + 'static), tried: &str) -> Option<Error> {
        match &self.place {
            Place::Local(_) => None,
            Place::Remote { bucket, prefix } => bucket.failure(error, tried, prefix),
        }
    }

    /// Begins to store something under a new name. Nothing is there before [`Upload::finish`].
    ///
    /// # Errors
    /// If it cannot, or if the name is that of a file.
    pub fn upload(&self, name: &str) -> Result<Upload> {
        match &self.place {
            Place::Local(folder) => local::create(folder, name).map(Upload::local),
            Place::Remote { bucket, prefix } => bucket.upload(prefix, name).map(Upload::remote),
        }
    }
}

/// The error of a request, or our own, that an error of a library was made of.
#[cfg(feature = "polars")]
pub(crate) fn error_of(error: &std::io::Error) -> Option<Error> {
    let inner = error.get_ref()?;
    match inner.downcast_ref::<Error>() {
        Some(ours) => Some(ours.repeated()),
        None => remote::error_of(inner),
    }
}

impl fmt::Display for Storage {
    /// The path, or the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Local(path) => write!(f, "{}", path.display()),
            Place::Remote { bucket, prefix } if prefix.is_empty() => f.write_str(bucket.url()),
            Place::Remote { bucket, prefix } => write!(f, "{}/{prefix}", bucket.url()),
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({self})")
    }
}
