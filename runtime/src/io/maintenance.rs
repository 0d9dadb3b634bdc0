//! What is done to stored tables beside storing rows.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

/// What is to be done to a table. Rows that somebody reads stay what they are, but for [`Maintenance::Restore`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Maintenance {
    /// Small files that hold rows of the same partition become larger ones.
    Optimize {
        /// About how many bytes a file has afterwards; what the table or the store says if absent.
        target_bytes: Option<u64>,
    },
    /// Files that no version of the table within the retention needs are removed.
    Vacuum(Vacuum),
    /// The log is summed up in one file, from which readers start.
    Checkpoint,
    /// The rows become those of an earlier version, as a new version.
    Restore {
        /// The version.
        version: i64,
    },
    /// The newest versions are listed; nothing changes.
    History {
        /// How many of them.
        most: usize,
    },
}

impl fmt::Display for Maintenance {
    /// What it does, for a sentence: `compact files`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Optimize { .. } => "compact files",
            Self::Vacuum(_) => "list or remove files of no use",
            Self::Checkpoint => "sum up a log",
            Self::Restore { .. } => "bring back versions",
            Self::History { .. } => "list versions",
        })
    }
}

/// Which files are removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vacuum {
    /// How long a file has to have been of no use; what the table says if absent, which is 7 days if it says nothing.
    pub older_than: Option<Duration>,
    /// Whether they may be younger than what the table says: somebody may be reading them, or about to commit them.
    pub force: bool,
    /// Whether they are removed. Otherwise they are only listed.
    pub apply: bool,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Maintained {
    /// The newest version of the table.
    pub version: Option<i64>,
    /// Whether anything was changed.
    pub changed: bool,
    /// Files that came.
    pub added: Vec<StoredFile>,
    /// Files that went, or would go.
    pub removed: Vec<StoredFile>,
    /// Versions of the table, the newest first.
    pub history: Vec<PastVersion>,
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoredFile {
    /// Where it is, relative to the table.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// A version of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PastVersion {
    /// Its number.
    pub version: i64,
    /// When it was made.
    pub at: Option<Timestamp>,
    /// What made it: `WRITE`, `OPTIMIZE`.
    pub operation: Option<String>,
    /// The run that made it, if it was one of ours.
    pub run: Option<String>,
    /// The slice that was written, if it was one of ours.
    pub slice: Option<String>,
}

impl Maintained {
    /// Nothing was done.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes of the files that went, or would go.
    #[must_use]
    pub fn removed_bytes(&self) -> u64 {
        self.removed.iter().map(|file| file.bytes).sum()
    }
}

impl StoredFile {
    /// A file.
    pub fn new(path: impl Into<String>, bytes: u64) -> Self {
        Self { path: path.into(), bytes }
    }
}

impl PastVersion {
    /// A version of which nothing else is known.
    #[must_use]
    pub fn new(version: i64) -> Self {
        Self { version, at: None, operation: None, run: None, slice: None }
    }
}
