//! Buckets.

use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use jiff::Timestamp;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use secrecy::{ExposeSecret, SecretString};

use super::errors::{is_missing, request_error, text_error};
use super::threads::wait;
use super::{Entry, clouds};
use crate::error::{Error, ErrorKind, Result};

pub(super) use super::sending::Sending;

/// A bucket, and how it is reached: by us, and by the scans of Polars.
pub(crate) struct Bucket {
    url: String,
    store: Arc<dyn ObjectStore>,
    scans: clouds::Options,
    creates_by: &'static str,
    /// Never told, whatever an error says.
    secrets: Vec<SecretString>,
}

impl Bucket {
    pub(super) fn new(url: String, store: Arc<dyn ObjectStore>, scans: clouds::Options, secrets: Vec<SecretString>) -> Self {
        Self { url, store, scans, creates_by: "a conditional put", secrets }
    }

    /// How objects are created that must not be there.
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "all others have conditional puts"))]
    pub(super) fn creating_by(mut self, how: &'static str) -> Self {
        self.creates_by = how;
        self
    }

    pub(super) fn creates_by(&self) -> &'static str {
        self.creates_by
    }

    /// `s3://bucket`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    #[cfg_attr(not(feature = "polars"), expect(dead_code, clippy::clone_on_copy, reason = "only scans ask for it"))]
    pub(super) fn scans(&self) -> clouds::Options {
        self.scans.clone()
    }

    /// The part of it below a prefix.
    #[cfg_attr(not(feature = "delta"), expect(dead_code, reason = "only Delta asks for it"))]
    pub(super) fn below(&self, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
        Ok(if prefix.is_empty() { self.store() } else { Arc::new(PrefixStore::new(self.store(), self.path(prefix, "")?)) })
    }

    /// Names are taken as they are.
    fn path(&self, prefix: &str, name: &str) -> Result<Path> {
        let name = name.trim_end_matches('/');
        let full = match (prefix, name) {
            ("", name) | (name, "") => name.to_owned(),
            (prefix, name) => format!("{prefix}/{name}"),
        };
        Path::parse(&full).map_err(|error| {
            Error::new(ErrorKind::Config, format!("`{full}` cannot be the name of an object in `{}`", self.url)).source(error)
        })
    }

    /// An error of a request, without secrets.
    pub(super) fn error(&self, error: &object_store::Error, tried: &str, path: &str) -> Error {
        request_error(error, tried, &format!("{}/{path}", self.url), |text| self.redacted(text))
    }

    /// The error of this bucket that another was caused by, if it was.
    pub(super) fn failure(&self, error: &(dyn std::error::Error + 'static), tried: &str, prefix: &str) -> Option<Error> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<object_store::Error>() {
                return Some(self.error(error, tried, prefix));
            }
            next = error.source();
        }
        // The kernel of Delta keeps no sources.
        text_error(self.redacted(error.to_string()), tried, &format!("{}/{prefix}", self.url))
    }

    /// A text without secrets.
    pub(super) fn redacted(&self, text: String) -> String {
        let secrets = self.secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| secret.len() > 3);
        secrets.fold(text, |text, secret| text.replace(secret, "…"))
    }

    pub(super) fn entry(&self, prefix: &str, name: &str) -> Result<Option<Entry>> {
        let (store, path) = (self.store(), self.path(prefix, name)?);
        let asked = path.clone();
        match wait(async move { store.head(&asked).await })? {
            Ok(found) => Ok(Some(entry(name.to_owned(), found))),
            Err(error) => self.or_missing(&error, "look at", &path),
        }
    }

    /// Nothing if the object is not there; a bucket that is not there is an error.
    fn or_missing<T>(&self, error: &object_store::Error, tried: &str, path: &Path) -> Result<Option<T>> {
        if is_missing(error) { Ok(None) } else { Err(self.error(error, tried, path.as_ref())) }
    }

    pub(super) fn list(self: &Arc<Self>, prefix: &str, folder: &str) -> Result<Vec<Entry>> {
        let (bucket, prefix, folder) = (Arc::clone(self), prefix.to_owned(), folder.to_owned());
        wait(async move { bucket.listed(&prefix, &folder).await })?
    }

    pub(super) async fn listed(&self, prefix: &str, folder: &str) -> Result<Vec<Entry>> {
        let path = self.path(prefix, folder)?;
        let below = (!path.as_ref().is_empty()).then_some(&path);
        let listed = self.store.list(below).try_collect::<Vec<ObjectMeta>>().await;
        let cut = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
        let relative = |found: ObjectMeta| {
            let name = found.location.as_ref().get(cut..).unwrap_or_default().to_owned();
            entry(name, found)
        };
        let mut entries: Vec<Entry> =
            listed.map_err(|error| self.error(&error, "list", path.as_ref()))?.into_iter().map(relative).collect();
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    pub(super) fn get(&self, prefix: &str, name: &str) -> Result<Option<Vec<u8>>> {
        let (store, path) = (self.store(), self.path(prefix, name)?);
        let asked = path.clone();
        match wait(async move { store.get(&asked).await?.bytes().await })? {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) => self.or_missing(&error, "read", &path),
        }
    }

    pub(super) fn tail(&self, prefix: &str, name: &str, bytes: u64) -> Result<Vec<u8>> {
        let (store, path) = (self.store(), self.path(prefix, name)?);
        let asked = path.clone();
        let read = wait(async move {
            // Azure has no ranges from the end, so the size is asked for first; nowhere is there a range of what is empty.
            let size = store.head(&asked).await?.size;
            if size == 0 {
                return Ok(Vec::new());
            }
            let options = GetOptions { range: Some(GetRange::Offset(size.saturating_sub(bytes))), ..GetOptions::default() };
            store.get_opts(&asked, options).await?.bytes().await.map(Into::into)
        })?;
        read.map_err(|error| self.error(&error, "read", path.as_ref()))
    }

    pub(super) fn put(&self, prefix: &str, name: &str, bytes: Vec<u8>) -> Result<()> {
        let (store, path) = (self.store(), self.path(prefix, name)?);
        let asked = path.clone();
        let put = wait(async move { store.put(&asked, PutPayload::from(bytes)).await })?;
        put.map(drop).map_err(|error| self.error(&error, "write", path.as_ref()))
    }

    pub(super) fn put_if_absent(&self, prefix: &str, name: &str, bytes: Vec<u8>) -> Result<bool> {
        let (store, path) = (self.store(), self.path(prefix, name)?);
        let asked = path.clone();
        match wait(async move { store.put_opts(&asked, PutPayload::from(bytes), PutMode::Create.into()).await })? {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.error(&error, "create", path.as_ref())),
        }
    }

    pub(super) fn copy(&self, prefix: &str, from: &str, to: &str) -> Result<()> {
        let (store, from, to) = (self.store(), self.path(prefix, from)?, self.path(prefix, to)?);
        let asked = to.clone();
        let copied = wait(async move { store.copy(&from, &asked).await })?;
        copied.map_err(|error| self.error(&error, "copy to", to.as_ref()))
    }

    pub(super) fn delete(&self, prefix: &str, name: &str) -> Result<()> {
        let (store, path) = (self.store(), self.path(prefix, name)?);
        let asked = path.clone();
        match wait(async move { store.delete(&asked).await })? {
            Ok(()) => Ok(()),
            Err(error) => self.or_missing::<()>(&error, "remove", &path).map(drop),
        }
    }

    pub(super) fn upload(self: &Arc<Self>, prefix: &str, name: &str) -> Result<Sending> {
        Ok(Sending::new(self, self.path(prefix, name)?))
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The error of a request that an error of Polars was made of, which says where it was.
#[cfg(feature = "polars")]
pub(super) fn error_of(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let text = error.to_string();
    let place = text.rsplit_once("(path: ").map_or("an object", |(_, path)| path.trim_end_matches(')'));
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<object_store::Error>() {
            return Some(request_error(error, "read", place, |text| text));
        }
        next = error.source();
    }
    None
}

fn entry(path: String, found: ObjectMeta) -> Entry {
    let modified = Timestamp::from_millisecond(found.last_modified.timestamp_millis()).unwrap_or_default();
    Entry { path, bytes: found.size, modified, tag: found.e_tag }
}
