//! What stores are asked and what they answer. The structs are `#[non_exhaustive]`, so that a store written today compiles
//! tomorrow.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::asset::{AssetSpec, Mode};
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::key::AssetKey;
use crate::metadata::MetadataValue;
use crate::partition::{KeySet, PartitionsDef};
use crate::schema::Column;
use crate::slice::Slice;

/// Where something is stored, as a person or a program would open it: a path or a URI.
///
/// Two assets with the same location are the same table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location(String);

impl Location {
    /// A location with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What to read.
#[derive(Clone)]
#[non_exhaustive]
pub struct LoadRequest<'a> {
    /// The asset to read.
    pub asset: &'a AssetSpec,
    /// The part of it.
    pub slice: &'a Slice,
    /// What the slice is a slice of: the asset's own partitions, or those by which somebody reads the column that its table is
    /// partitioned by.
    pub partitions: Option<&'a PartitionsDef>,
    /// Whether the slice is all that there is, so that what is stored for no partition of the definition is an error.
    pub all: bool,
    /// Only these columns, in this order.
    pub columns: Option<&'a [String]>,
    /// This version of the table; the newest if absent.
    pub version: Option<i64>,
    /// Time, randomness and threads.
    pub env: Arc<dyn Env>,
}

impl<'a> LoadRequest<'a> {
    /// Reads all of a slice.
    #[must_use]
    pub fn new(asset: &'a AssetSpec, slice: &'a Slice, env: Arc<dyn Env>) -> Self {
        Self { asset, slice, partitions: asset.partitions.as_ref(), all: false, columns: None, version: None, env }
    }

    /// The slice is one of this definition instead of the asset's own.
    #[must_use]
    pub fn partitions(mut self, partitions: Option<&'a PartitionsDef>) -> Self {
        self.partitions = partitions;
        self
    }

    /// Reads this version of the table.
    #[must_use]
    pub fn version(mut self, version: Option<i64>) -> Self {
        self.version = version;
        self
    }

    /// The same for another slice.
    #[must_use]
    pub fn slice<'b>(&self, slice: &'b Slice) -> LoadRequest<'b>
    where
        'a: 'b,
    {
        LoadRequest { slice, ..self.clone() }
    }

    /// The partitions that are read; nothing for the whole table.
    ///
    /// # Errors
    /// If the slice is not one of the definition.
    pub fn keys(&self) -> Result<Option<KeySet>> {
        keys(self.partitions, self.slice, &self.asset.key)
    }

    /// Reads only these columns, in this order.
    #[must_use]
    pub fn columns(mut self, columns: Option<&'a [String]>) -> Self {
        self.columns = columns;
        self
    }
}

/// What to write, or what was written.
#[derive(Clone)]
#[non_exhaustive]
pub struct StoreRequest<'a> {
    /// The asset to write.
    pub asset: &'a AssetSpec,
    /// The part of it.
    pub slice: &'a Slice,
    /// How it meets what is stored.
    pub mode: Mode,
    /// The run that writes it.
    pub run: &'a RunInfo,
    /// What the body attached.
    pub metadata: &'a [(String, MetadataValue)],
    /// Time, randomness and threads.
    pub env: Arc<dyn Env>,
}

impl<'a> StoreRequest<'a> {
    /// Writes a slice of an asset.
    #[must_use]
    pub fn new(asset: &'a AssetSpec, slice: &'a Slice, run: &'a RunInfo, env: Arc<dyn Env>) -> Self {
        Self { asset, slice, mode: asset.mode.unwrap_or_default(), run, metadata: &[], env }
    }

    /// Meets what is stored in this mode.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The same for another slice: that of one of several things that were staged.
    #[must_use]
    pub fn slice<'b>(&self, slice: &'b Slice) -> StoreRequest<'b>
    where
        'a: 'b,
    {
        StoreRequest { slice, ..self.clone() }
    }

    /// The partitions that are written; nothing for the whole table.
    ///
    /// # Errors
    /// If the slice is not one of the asset's definition.
    pub fn keys(&self) -> Result<Option<KeySet>> {
        keys(self.asset.partitions.as_ref(), self.slice, &self.asset.key)
    }

    /// Records what the body attached.
    #[must_use]
    pub fn metadata(mut self, metadata: &'a [(String, MetadataValue)]) -> Self {
        self.metadata = metadata;
        self
    }
}

/// A [`StoreRequest`] that can be taken to another thread, as stores that block do.
#[derive(Clone)]
pub struct OwnedRequest {
    asset: AssetSpec,
    slice: Slice,
    mode: Mode,
    run: RunInfo,
    metadata: Vec<(String, MetadataValue)>,
    env: Arc<dyn Env>,
}

impl OwnedRequest {
    /// Everything of a request.
    #[must_use]
    pub fn of(request: &StoreRequest<'_>) -> Self {
        Self {
            asset: request.asset.clone(),
            slice: request.slice.clone(),
            mode: request.mode,
            run: request.run.clone(),
            metadata: request.metadata.to_vec(),
            env: Arc::clone(&request.env),
        }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> StoreRequest<'_> {
        let Self { asset, slice, mode, run, metadata, env } = self;
        StoreRequest { asset, slice, mode: *mode, run, metadata, env: Arc::clone(env) }
    }
}

fn keys(partitions: Option<&PartitionsDef>, slice: &Slice, asset: &AssetKey) -> Result<Option<KeySet>> {
    match (slice, partitions) {
        (Slice::Whole, _) => Ok(None),
        (slice, Some(partitions)) => partitions.resolve(slice).map(Some),
        (slice, None) => {
            let message = format!("`{asset}` has no partitions, and the slice is `{slice}`");
            Err(Error::new(ErrorKind::Internal, message))
        }
    }
}

/// Which parts of something are there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Present {
    /// Whether anything is.
    Whole(bool),
    /// These of the partitions that were asked for, also those that were stored without a row.
    Keys(KeySet),
}

/// The run that writes something: information for people, never part of an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunInfo {
    /// The identifier of the run.
    pub run: String,
    /// Counts the attempts at the step, from 1.
    pub attempt: u32,
}

impl RunInfo {
    /// The `attempt`th attempt at a step of the run.
    pub fn new(run: impl Into<String>, attempt: u32) -> Self {
        Self { run: run.into(), attempt }
    }
}

/// The version of [`Staged`].
const STAGED_VERSION: u32 = 1;

/// Something written where no reader looks: serializable, so that another process can commit or discard it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Staged {
    /// The version of this form.
    pub v: u32,
    /// What the store needs to find it again.
    pub payload: serde_json::Value,
    /// The rows, for tables.
    pub rows: Option<u64>,
    /// The bytes.
    pub bytes: Option<u64>,
    /// The columns, for tables.
    pub columns: Vec<Column>,
    /// The part of the asset that it is all of.
    #[serde(default)]
    pub slice: Slice,
    /// Identifies the content, where the store can tell cheaply: the same for the same content, and for no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl Staged {
    /// What the store needs to find it again; the rest is for records.
    #[must_use]
    pub fn new(payload: serde_json::Value) -> Self {
        Self { v: STAGED_VERSION, payload, rows: None, bytes: None, columns: Vec::new(), slice: Slice::Whole, digest: None }
    }

    /// All of this part of the asset; the whole of it without this.
    #[must_use]
    pub fn slice(mut self, slice: Slice) -> Self {
        self.slice = slice;
        self
    }

    /// The payload as its store wrote it.
    ///
    /// # Errors
    /// If another store wrote it, or a version of this one that is yet to come.
    pub fn payload<T: serde::de::DeserializeOwned>(&self, store: &str) -> Result<T> {
        if self.v > STAGED_VERSION {
            let message = format!("what was staged has version {}, and this program knows {STAGED_VERSION}", self.v);
            return Err(Error::new(ErrorKind::Unsupported, message).help("commit it with the program that staged it"));
        }
        serde_json::from_value(self.payload.clone())
            .map_err(|error| Error::new(ErrorKind::Internal, format!("this was not staged by {store}")).source(error))
    }

    /// With the number of rows.
    #[must_use]
    pub fn rows(mut self, rows: u64) -> Self {
        self.rows = Some(rows);
        self
    }

    /// With the number of bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// With the columns.
    #[must_use]
    pub fn columns(mut self, columns: Vec<Column>) -> Self {
        self.columns = columns;
        self
    }

    /// Identified by its content, which is in memory anyway.
    #[must_use]
    pub fn digest_of(mut self, content: &[u8]) -> Self {
        self.digest = Some(blake3::hash(content).to_hex()[..32].to_owned());
        self
    }
}

/// What a commit did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The version of the table, where the store counts them.
    pub version: Option<i64>,
    /// The rows in the whole table, where metadata tells.
    pub table_rows: Option<u64>,
    /// The rows in the slice, where metadata tells and it is not just what was written.
    pub slice_rows: Option<u64>,
    /// What was left as it was, because something was there and the mode is [`Mode::Ignore`].
    pub ignored: Option<Slice>,
    /// Whether reading the slice gives back exactly what was staged: the same columns, types and order of rows.
    pub exact: bool,
    /// Whether the same commit had landed before, so that nothing was written now.
    pub already: bool,
}

impl Committed {
    /// A commit that landed now, in a store that counts neither versions nor rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the version of the table.
    #[must_use]
    pub fn version(mut self, version: Option<i64>) -> Self {
        self.version = version;
        self
    }

    /// With the number of rows in the table.
    #[must_use]
    pub fn table_rows(mut self, rows: Option<u64>) -> Self {
        self.table_rows = rows;
        self
    }

    /// With the number of rows in the slice.
    #[must_use]
    pub fn slice_rows(mut self, rows: Option<u64>) -> Self {
        self.slice_rows = rows;
        self
    }

    /// With what was left as it was.
    #[must_use]
    pub fn ignored(mut self, slice: Option<Slice>) -> Self {
        self.ignored = slice;
        self
    }

    /// Reading gives back exactly what was staged.
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.exact = exact;
        self
    }

    /// The commit had landed before.
    #[must_use]
    pub fn already(mut self) -> Self {
        self.already = true;
        self
    }
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitState {
    /// It has not landed, and may still be made.
    Absent,
    /// It landed, and nothing of its kind came after.
    Committed,
    /// One of its kind with a greater number landed after, so it must not be made any more.
    Superseded,
    /// Nobody knows: the store forgets commits after a while, and has none of its kind. It may be made, as one that has not landed.
    Forgotten,
}

impl CommitState {
    /// What became of a commit with `number`, if `last` is the number of the last of its kind that landed.
    #[must_use]
    pub fn of(number: i64, last: Option<i64>) -> Self {
        match last {
            Some(last) if last == number => Self::Committed,
            Some(last) if last > number => Self::Superseded,
            _ => Self::Absent,
        }
    }

    /// What became of a commit of two tables or files: it has landed once it has in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Superseded, _) | (_, Self::Superseded) => Self::Superseded,
            (Self::Absent, _) | (_, Self::Absent) => Self::Absent,
            (Self::Forgotten, _) | (_, Self::Forgotten) => Self::Forgotten,
            (Self::Committed, Self::Committed) => Self::Committed,
        }
    }
}

/// What is stored, from metadata alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Description {
    /// Whether anything is stored.
    pub exists: bool,
    /// The version of the table, where the store counts them.
    pub version: Option<i64>,
    /// The rows.
    pub rows: Option<u64>,
    /// The bytes.
    pub bytes: Option<u64>,
    /// The columns, for tables.
    pub columns: Vec<Column>,
    /// When it was last written.
    pub modified: Option<Timestamp>,
    /// The run that last wrote it, where that is recorded.
    pub run: Option<String>,
    /// What the file says of itself, where the format has a place for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<serde_json::Value>,
}
