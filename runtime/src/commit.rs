//! What makes a commit the same commit again, however often it is tried.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::key::AssetKey;
use crate::slice::Slice;

/// The identity of a commit: which log issued it, for which asset and slice, and its number there.
///
/// A step takes the number when it first runs and keeps it through retries. A store that finds the same number already
/// committed has nothing to do; one that finds a greater number refuses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CommitId {
    /// The log that issued the number.
    pub log: String,
    /// The asset that is written.
    pub asset: AssetKey,
    /// The digest of the slice that is written.
    pub slice: String,
    /// Counts the runs of this asset and slice in this log, from 1.
    pub number: i64,
}

impl CommitId {
    /// The `number`th commit of the slice in the log.
    #[must_use]
    pub fn new(log: &str, asset: &AssetKey, slice: &Slice, number: i64) -> Self {
        Self { log: log.to_owned(), asset: asset.clone(), slice: slice.digest(), number }
    }

    /// What names the log, asset and slice in a table: the application id of a Delta transaction, for instance.
    #[must_use]
    pub fn application(&self) -> String {
        format!("lakewright/{}/{}/{}", self.log, self.asset, self.slice)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.application(), self.number)
    }
}
