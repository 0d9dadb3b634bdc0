//! Transactions that a table does not tell of any more.
//!
//! One that says when it was made expires in a table with `delta.setTransactionRetentionDuration`, and earlier versions of this crate wrote
//! both. delta-rs does not tell of it then, and the next checkpoint leaves it out; the entry that made it stays for a while.

use std::collections::HashMap;

use deltalake_core::kernel::Transaction;
use serde::Deserialize;

use super::opened::Opened;
use super::table::unreadable;
use crate::commit::CommitId;
use crate::error::Result;
use crate::io::CommitState;
use crate::io::storage::Storage;

/// What the entries of a log that are there say of transactions, whatever their age.
pub(super) struct Entries {
    /// The last number of each application.
    numbers: HashMap<String, i64>,
    /// Whether the first entry of the table is there too.
    complete: bool,
}

/// A line of an entry.
#[derive(Deserialize)]
struct Line {
    txn: Option<Transaction>,
}

impl Entries {
    /// Reads the entries up to this version of the table, the newest first.
    pub(super) async fn read(table: &Opened, path: &Storage) -> Result<Self> {
        let (log, mut numbers) = (table.log_store(), HashMap::new());
        for version in (0..=table.version()).rev() {
            let entry = log.read_commit_entry(version).await.map_err(|error| unreadable(error, path))?;
            // Those before it were cleaned up as well.
            let Some(entry) = entry else { return Ok(Self { numbers, complete: false }) };
            for line in entry.split(|byte| *byte == b'\n') {
                if let Ok(Line { txn: Some(transaction) }) = serde_json::from_slice(line) {
                    numbers.entry(transaction.app_id).or_insert(transaction.version);
                }
            }
        }
        Ok(Self { numbers, complete: true })
    }

    /// What became of a commit.
    pub(super) fn state(&self, id: &CommitId) -> CommitState {
        match self.numbers.get(&id.application()) {
            None if !self.complete => CommitState::Forgotten,
            last => CommitState::of(id.number, last.copied()),
        }
    }
}
