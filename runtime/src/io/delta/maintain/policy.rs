//! Maintenance that follows commits by itself.

use super::super::DeltaIoManager;
use crate::asset::AssetSpec;
use crate::io::maintenance::{Maintenance, Vacuum};
use crate::io::{IoManager, StoreRequest};

/// After how many versions of a table what is done to it. Each is off unless set.
///
/// It is done by the process whose commit makes such a version, after the commit, and its failure is a warning: the rows are stored.
///
/// ```
/// use lakewright::io::delta::{DeltaIoManager, DeltaMaintenance};
///
/// let store = DeltaIoManager::new("lakehouse/delta")
///     .maintenance(DeltaMaintenance::new().checkpoint_every(10).optimize_every(50).vacuum_every(200));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeltaMaintenance {
    checkpoint: Option<u64>,
    optimize: Option<u64>,
    vacuum: Option<u64>,
}

impl DeltaMaintenance {
    /// Nothing by itself.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sums up the log after so many versions; without it, delta-rs does after `delta.checkpointInterval`, which is 100 by default.
    #[must_use]
    pub fn checkpoint_every(mut self, versions: u64) -> Self {
        self.checkpoint = Some(versions);
        self
    }

    /// Compacts small files after so many versions.
    #[must_use]
    pub fn optimize_every(mut self, versions: u64) -> Self {
        self.optimize = Some(versions);
        self
    }

    /// Removes files that nobody needs, after the retention of the table, after so many versions.
    #[must_use]
    pub fn vacuum_every(mut self, versions: u64) -> Self {
        self.vacuum = Some(versions);
        self
    }

    /// What is due at a version.
    fn due(&self, version: i64) -> Vec<Maintenance> {
        let Some(version) = u64::try_from(version).ok().filter(|version| *version > 0) else { return Vec::new() };
        let is_due = |every: Option<u64>| every.is_some_and(|every| every > 0 && version.is_multiple_of(every));
        let mut due = Vec::new();
        if is_due(self.optimize) {
            due.push(Maintenance::Optimize { target_bytes: None });
        }
        if is_due(self.vacuum) {
            due.push(Maintenance::Vacuum(Vacuum { apply: true, ..Vacuum::default() }));
        }
        if is_due(self.checkpoint) {
            due.push(Maintenance::Checkpoint);
        }
        due
    }

    /// Does what is due, now that a commit has made this version.
    pub(in super::super) async fn follow(
        &self,
        store: &DeltaIoManager,
        asset: &AssetSpec,
        request: &StoreRequest<'_>,
        version: Option<i64>,
    ) {
        for what in version.map(|version| self.due(version)).unwrap_or_default() {
            if let Err(error) = store.maintain(request.clone(), what.clone()).await {
                tracing::warn!(%error, asset = %asset.key, ?what, "the rows are stored, and maintenance failed");
            }
        }
    }
}
