//! The table of one store or resource, as its kind reads it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::de::{self, Findings, Folders};
use super::node::{Node, join};
use crate::error::{Error, Result};
use crate::io::Capabilities;
use crate::key::path_segment;
use crate::metadata::MetadataValue;

/// The table of one store or resource in the configuration: `[stores.delta]`.
///
/// A kind of one's own reads it as a serde struct, whose fields are those that the table may have. Secrets are [`Secret`](super::Secret)s,
/// paths are [`ConfigPath`](super::ConfigPath)s.
///
/// ```
/// use lakewright::Lakehouse;
/// use lakewright::config::{ConfigPath, Secret};
/// use lakewright::io::memory::MemoryIoManager;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Redis { url: String, password: Option<Secret>, certificate: Option<ConfigPath> }
///
/// let lakehouse = Lakehouse::builder().configured().store_kind("redis", |table| {
///     let redis: Redis = table.read()?;
///     // A store of one's own is made of it here.
///     # let _ = (redis.url, redis.password, redis.certificate);
///     Ok(MemoryIoManager::new())
/// });
/// # drop(lakehouse);
/// ```
pub struct ConfigTable<'a> {
    pub(super) key: &'a str,
    pub(super) path: String,
    pub(super) node: &'a Node,
    pub(super) root: &'a Path,
    pub(super) folders: Folders<'a>,
    pub(super) findings: RefCell<Findings>,
}

impl ConfigTable<'_> {
    /// The key that assets name, or the name of the resource.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key
    }

    /// Where a local store of this key is unless it says otherwise: `<root>/<key>`.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.root.join(path_segment(self.key))
    }

    /// The fields of the table, without `kind`.
    ///
    /// # Errors
    /// If a field is unknown, missing or of another type. All of them are reported, each with its place in the file; the error that is
    /// returned stands for them.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        de::read(self.node, &self.path, &["kind"], self.folders, &self.findings)
    }

    /// Checks options against those that a store publishes, and reports those that it does not take.
    #[cfg_attr(not(feature = "polars"), allow(dead_code, reason = "no store has any"))]
    pub(super) fn check_options(&self, can: &Capabilities, options: &[(String, MetadataValue)]) {
        for (name, value) in options {
            if let Err(error) = can.check_option(name, value) {
                let at = self.node.table().and_then(|table| table.get("options")).and_then(|node| node.table()?.get(name));
                let error =
                    error.with("at", &at.unwrap_or(self.node).place).with("field", join(&join(&self.path, "options"), name));
                self.findings.borrow_mut().errors.push(error);
            }
        }
    }

    /// What a kind made of the table, or what is wrong with it.
    pub(super) fn finish<T>(&self, made: Result<T>) -> Result<T, Vec<Error>> {
        let errors = std::mem::take(&mut self.findings.borrow_mut().errors);
        match made {
            Ok(made) if errors.is_empty() => Ok(made),
            // A value that could not be looked up has been complained about, and the rest follows from it.
            Err(error) if errors.is_empty() && !self.findings.borrow().is_waiting(&self.path) => {
                Err(vec![error.with("at", &self.node.place).with("table", format!("`{}`", self.path))])
            }
            _ => Err(errors),
        }
    }
}
