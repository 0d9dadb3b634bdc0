//! What is remembered of a file, and by what it is told from another.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::commit::CommitId;
use crate::error::{Error, ErrorKind, Result};
use crate::io::storage::Entry;
use crate::io::{RunInfo, Staged};
use crate::metadata::MetadataValue;
use crate::schema::Column;

/// The version of [`Manifest`].
const MANIFEST_VERSION: u32 = 1;

/// What is remembered of the file of an asset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub v: u32,
    /// What wrote it.
    pub commit: CommitId,
    /// The run that wrote it.
    pub run: RunInfo,
    /// The extension of the file.
    pub extension: String,
    /// The rows, for tables.
    pub rows: Option<u64>,
    /// The bytes.
    pub bytes: Option<u64>,
    /// The columns, for tables.
    pub columns: Vec<Column>,
    /// The columns, as the format of the file knows them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// The options of its store that the file was written with; nothing if its format has none, or they were not remembered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<(String, MetadataValue)>>,
    /// The file itself, so that one that somebody else put in its place is not taken for it.
    pub file: FileId,
}

/// What tells a file from another that was put in its place: its size, and the tag that an object store gives it; without one the time it
/// was written, to the nanosecond, which neither a rename changes nor a copy that keeps times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    bytes: u64,
    #[serde(default)]
    modified: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
}

impl FileId {
    pub(super) fn of(entry: &Entry) -> Self {
        let modified = match entry.tag {
            Some(_) => 0,
            None => i64::try_from(entry.modified.as_nanosecond()).unwrap_or_default(),
        };
        Self { bytes: entry.bytes, modified, tag: entry.tag.clone() }
    }

    /// Whether the other may be a copy, which has a time of its own, and in some object stores a tag.
    pub(super) fn is_copied_to(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Manifest {
    pub(super) fn new(id: &CommitId, run: &RunInfo, extension: &str, staged: &Staged, file: FileId) -> Self {
        Self {
            v: MANIFEST_VERSION,
            commit: id.clone(),
            run: run.clone(),
            extension: extension.to_owned(),
            rows: staged.rows,
            bytes: staged.bytes,
            columns: staged.columns.clone(),
            schema: None,
            options: None,
            file,
        }
    }

    pub(super) fn schema(mut self, schema: Option<serde_json::Value>) -> Self {
        self.schema = schema;
        self
    }

    pub(super) fn options(mut self, options: Option<Vec<(String, MetadataValue)>>) -> Self {
        self.options = options;
        self
    }
}

/// A manifest, found here.
pub(super) fn parse(text: &[u8], location: &str) -> Result<Manifest> {
    let parsed: Manifest = parse_json(text, location)?;
    checked(&parsed, location)?;
    Ok(parsed)
}

/// What a manifest is written as, or what it is part of.
pub(super) fn parse_json<T: DeserializeOwned>(text: &[u8], location: &str) -> Result<T> {
    serde_json::from_slice(text).map_err(|error| {
        let message = format!("the manifest `{location}` is damaged");
        Error::new(ErrorKind::Corrupt, message).source(error).help("remove it; the file it describes is not touched")
    })
}

/// Refuses a manifest of a version that is yet to come.
pub(super) fn checked(manifest: &Manifest, location: &str) -> Result<()> {
    if manifest.v > MANIFEST_VERSION {
        let message = format!("the manifest `{location}` has version {}, and this program knows {MANIFEST_VERSION}", manifest.v);
        return Err(Error::new(ErrorKind::Unsupported, message).help("use the program that wrote it"));
    }
    Ok(())
}
