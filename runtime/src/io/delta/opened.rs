//! A version of a table: what its log said when it was read, and what we have committed to it since.
//!
//! delta-rs reads the log anew for each version that it is asked for, or goes through all that it has read before: either takes longer than
//! many a commit. What we committed ourselves is known, so that it is put on top of what was read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use deltalake_core::DeltaTable;
use deltalake_core::kernel::{Action, Metadata, Protocol, StructType};
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::table::config::TablePropertiesExt;
use deltalake_core::table::state::DeltaTableState;

use super::live::LiveFile;
use super::stage::StagedFile;
use super::table::{failed, unreadable};
use crate::commit::CommitId;
use crate::error::Result;
use crate::io::storage::Storage;

/// After so many commits of our own the log is read again, in which there is a checkpoint by then.
const MOST_COMMITS: u64 = 100;

/// A table at a version.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    table: DeltaTable,
    /// As it was read.
    state: DeltaTableState,
    since: Arc<Since>,
}

/// What we have committed since the log was read: rows, and nothing that changes what the table says of itself.
#[derive(Debug, Clone, Default)]
struct Since {
    commits: u64,
    /// The newest first, as the log has them.
    added: Vec<Arc<StagedFile>>,
    removed: HashSet<String>,
    numbers: HashMap<String, i64>,
}

impl Opened {
    /// A table that was just read.
    pub(super) fn new(table: DeltaTable, path: &Storage) -> Result<Self> {
        let state = table.snapshot().map_err(|error| failed(error, path, "read"))?.clone();
        Ok(Self { table, state, since: Arc::default() })
    }

    /// The table after our commit of these rows; nothing if the log has to be read again.
    pub(super) fn after(&self, actions: &[Action], added: &[StagedFile], id: &CommitId) -> Option<Self> {
        if self.since.commits == MOST_COMMITS {
            return None;
        }
        let mut since = Since::clone(&self.since);
        since.commits += 1;
        for action in actions {
            match action {
                Action::Add(_) => {}
                Action::Remove(remove) => {
                    since.added.retain(|file| file.path != remove.path);
                    since.removed.insert(remove.path.clone());
                }
                _ => return None,
            }
        }
        since.added.splice(0..0, added.iter().cloned().map(Arc::new));
        since.numbers.insert(id.application(), id.number);
        Some(Self { since: Arc::new(since), ..self.clone() })
    }

    pub(super) fn log_store(&self) -> LogStoreRef {
        self.table.log_store()
    }

    pub(super) fn version(&self) -> u64 {
        self.state.version() + self.since.commits
    }

    pub(super) fn schema(&self) -> Arc<StructType> {
        self.state.schema()
    }

    pub(super) fn metadata(&self) -> &Metadata {
        self.state.metadata()
    }

    pub(super) fn protocol(&self) -> &Protocol {
        self.state.protocol()
    }

    /// What was read of the log: whatever is not about files is as it was.
    pub(super) fn as_read(&self) -> &DeltaTableState {
        &self.state
    }

    /// As delta-rs has it.
    pub(super) fn into_table(self) -> DeltaTable {
        self.table
    }

    /// The data files, those that came last first.
    pub(super) fn files(&self) -> Vec<LiveFile> {
        let ours = self.since.added.iter().map(|file| LiveFile::Ours(Arc::clone(file)));
        let removed = &self.since.removed;
        let logged = self.state.log_data();
        let logged = logged.iter().filter(|file| removed.is_empty() || !removed.contains(file.path().as_ref()));
        ours.chain(logged.map(LiveFile::Logged)).collect()
    }

    /// The paths of files that we have committed since the log was read.
    pub(super) fn ours(&self) -> HashSet<&str> {
        self.since.added.iter().map(|file| file.path.as_str()).collect()
    }

    /// How many data files there are, or a few more.
    pub(super) fn file_count(&self) -> usize {
        self.since.added.len() + self.state.log_data().num_files()
    }

    /// The rows, if every file says how many it has.
    pub(super) fn rows(&self) -> Option<u64> {
        self.files().iter().map(LiveFile::rows).sum()
    }

    /// The number of the last commit of this log, asset and slice in exactly this version.
    pub(super) async fn committed_number(&self, path: &Storage, id: &CommitId) -> Result<Option<i64>> {
        if let Some(number) = self.since.numbers.get(&id.application()) {
            return Ok(Some(*number));
        }
        let number = self.state.transaction_version(self.log_store().as_ref(), id.application()).await;
        number.map_err(|error| unreadable(error, path))
    }

    /// Whether transactions expire that say when they were made, as ours did in earlier versions.
    pub(super) fn forgets(&self) -> bool {
        self.metadata().configuration().contains_key("delta.setTransactionRetentionDuration")
    }

    /// After how many versions a checkpoint is due.
    pub(super) fn checkpoint_interval(&self) -> u64 {
        self.state.table_config().checkpoint_interval().get()
    }
}
