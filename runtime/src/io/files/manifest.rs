//! What is remembered of a file, and by what it is told from another.

use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::io_error;
use crate::commit::CommitId;
use crate::error::{Error, ErrorKind, Result};
use crate::io::{RunInfo, Staged};
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
    /// The file itself, so that one that somebody else put in its place is not taken for it.
    pub file: FileId,
}

/// What tells a file from another that was put in its place: its size and the time it was written, to the nanosecond, which neither a
/// rename changes nor a copy that keeps times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    bytes: u64,
    modified: i64,
}

impl FileId {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        let modified = found.modified()?.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Ok(Self { bytes: found.len(), modified: i64::try_from(modified).unwrap_or_default() })
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
            file,
        }
    }

    pub(super) fn schema(mut self, schema: Option<serde_json::Value>) -> Self {
        self.schema = schema;
        self
    }
}

/// The manifest in this file; nothing if there is none.
pub(super) fn read_manifest(path: &Path) -> Result<Option<Manifest>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(&error, "read", path)),
    };
    let parsed: Manifest = serde_json::from_slice(&text).map_err(|error| {
        let message = format!("the manifest `{}` is damaged", path.display());
        Error::new(ErrorKind::Corrupt, message).source(error).help("remove it; the file it describes is not touched")
    })?;
    if parsed.v > MANIFEST_VERSION {
        let message =
            format!("the manifest `{}` has version {}, and this program knows {MANIFEST_VERSION}", path.display(), parsed.v);
        return Err(Error::new(ErrorKind::Unsupported, message).help("use the program that wrote it"));
    }
    Ok(Some(parsed))
}
