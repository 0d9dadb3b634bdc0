//! Putting one entry into the log of a table, and what follows from it.
//!
//! An entry is tried exactly once, against exactly the version that was read. delta-rs would retry by itself, but it does not enforce
//! application transactions, and two full overwrites do not conflict in its eyes: on a retry it would keep the files of both.

use std::collections::BTreeSet;
use std::path::Path;

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::Action;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TableReference, TransactionError};
use deltalake_core::logstore::object_store::ObjectStoreExt;
use deltalake_core::logstore::{CommitOrBytes, commit_uri_from_version};
use deltalake_core::protocol::{DeltaOperation, checkpoints};
use deltalake_core::table::config::TablePropertiesExt;

use super::opened::Opened;
use super::stage::StagedFile;
use super::table::{self, failed};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::io::files::sync;
use crate::io::storage::Storage;

/// What is put into the log.
pub(super) struct Entry {
    pub(super) actions: Vec<Action>,
    /// What it says of itself beside them.
    pub(super) properties: CommitProperties,
    pub(super) operation: DeltaOperation,
}

/// What became of an entry.
pub(super) enum Landing {
    /// It is this version of the table.
    Landed(u64),
    /// Somebody else was first.
    Lost(DeltaTableError),
    /// It was not there when it was looked for, and may still come: the error came after it may have been sent.
    Unknown(DeltaTableError),
}

/// Puts the entry after this version of the table, or at the beginning of a new one, if nobody was faster.
pub(super) async fn land(
    path: &Storage,
    existing: Option<&Opened>,
    entry: Entry,
    added: &[StagedFile],
    env: &dyn Env,
) -> Result<Landing> {
    let Entry { actions, properties, operation } = entry;
    let failed = |error| failed(error, path, "commit to");
    let log_store = match existing {
        Some(existing) => existing.log_store(),
        None => table::builder(path)?.build().map_err(failed)?.log_store(),
    };
    let actions = dated(actions, env.now().as_millisecond());
    let reference = existing.map(|existing| existing.as_read() as &dyn TableReference);
    let commit = CommitBuilder::from(properties).with_actions(actions);
    let commit = commit.build(reference, log_store.clone(), operation).into_prepared_commit_future().await.map_err(failed)?;
    let bytes = commit.commit_or_bytes();
    if let Some(existing) = existing {
        // Whoever cleans up the log removes entries from its beginning: with this one, the next may be gone too, and would be written anew.
        let entry = commit_uri_from_version(Some(existing.version()));
        if log_store.object_store(None).head(&entry).await.is_err() {
            let newest = log_store.get_latest_version(existing.version()).await.map_err(failed)?;
            if newest != existing.version() {
                return Ok(Landing::Lost(DeltaTableError::VersionAlreadyExists(newest)));
            }
        }
    }
    let version = existing.map_or(0, |existing| existing.version() + 1);
    // Our stores are plain object stores, to which an entry is one operation that needs no name.
    #[expect(clippy::default_trait_access, reason = "the type is of a crate that is not used otherwise")]
    let unnamed = Default::default();
    if let Err(error) = log_store.write_commit_entry(version, bytes.clone(), unnamed).await {
        // An answer may have been lost, and then a second try finds the first in its way. Nobody else writes these very bytes.
        let is_there = match (bytes, log_store.read_commit_entry(version).await) {
            (CommitOrBytes::LogBytes(ours), Ok(Some(found))) => *ours == found,
            _ => false,
        };
        match error {
            _ if is_there => {}
            TransactionError::VersionAlreadyExists(_) => return Ok(Landing::Lost(error.into())),
            // It may have been sent.
            _ => return Ok(Landing::Unknown(error.into())),
        }
    }
    // From here the rows are visible. What comes after takes nothing back if it fails.
    if let Err(error) = make_durable(path, version, added) {
        tracing::warn!(%error, table = %path.display(), "the commit landed, and may not survive a power cut");
    }
    if existing.is_some_and(|existing| (version + 1).is_multiple_of(existing.checkpoint_interval()))
        && let Err(error) = checkpoint(path, version).await
    {
        tracing::warn!(%error, table = %path.display(), "the commit landed, and the checkpoint that follows it failed");
    }
    Ok(Landing::Landed(version))
}

/// Writes a checkpoint, and removes what of the log is older than the table keeps it.
async fn checkpoint(path: &Storage, version: u64) -> Result<()> {
    let failed = |error| failed(error, path, "checkpoint");
    let table = table::builder(path)?.with_version(version).load().await.map_err(failed)?;
    checkpoints::create_checkpoint(&table, None).await.map_err(failed)?;
    if table.snapshot().map_err(failed)?.table_config().enable_expired_log_cleanup() {
        checkpoints::cleanup_metadata(&table, None).await.map_err(failed)?;
    }
    Ok(())
}

/// An error of a commit that is not there: in a bucket, it may come yet.
pub(super) fn unanswered(error: Error, path: &Storage) -> Error {
    if path.is_local() { error } else { error.unsettled() }
}

/// Flushes what the log refers to before anybody is told that it landed: delta-rs links commits into place without doing so.
fn make_durable(path: &Storage, version: u64, added: &[StagedFile]) -> Result<()> {
    // Objects are durable once they are there.
    let Some(path) = path.local_path() else { return Ok(()) };
    let log = path.join("_delta_log");
    sync(&log.join(format!("{version:020}.json")))?;
    let folders: BTreeSet<&Path> = added.iter().filter_map(|file| Path::new(&file.path).parent()).collect();
    folders.into_iter().try_for_each(|folder| sync(&path.join(folder)))?;
    [&log, path].into_iter().chain(path.parent()).try_for_each(sync)
}

/// The actions, with files that go at this moment, in milliseconds: delta-rs would ask the clock of the machine.
fn dated(mut actions: Vec<Action>, now: i64) -> Vec<Action> {
    for action in &mut actions {
        if let Action::Remove(remove) = action {
            remove.deletion_timestamp = Some(now);
        }
    }
    actions
}
