//! Putting one entry into the log of a table, and what follows from it.
//!
//! An entry is tried exactly once, against exactly the version that was read. delta-rs would retry by itself, but it does not enforce
//! application transactions, and two full overwrites do not conflict in its eyes: on a retry it would keep the files of both.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
use crate::env::{Env, blocking};
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
    Unknown(Error),
}

/// Puts the entry after this version of the table, or at the beginning of a new one, if nobody was faster.
pub(super) async fn land(
    path: &Storage,
    existing: Option<&Opened>,
    entry: Entry,
    added: &[StagedFile],
    env: &Arc<dyn Env>,
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
    // Where a power cut leaves the entry, it leaves what the entry refers to.
    let mut durable = flush(env, data_folders(path, added)).await;
    let put = match bytes {
        CommitOrBytes::LogBytes(entry) if path.is_local() => {
            // delta-rs would link an entry into place that is not on the disk yet, and a power cut would leave a part of it.
            let (path, name, entry) = (path.clone(), commit_uri_from_version(Some(version)).to_string(), entry.to_vec());
            blocking(env, move || path.put_if_absent(&name, entry)).await
        }
        _ => {
            // Our stores are plain object stores, to which an entry is one operation that needs no name.
            #[expect(clippy::default_trait_access, reason = "the type is of a crate that is not used otherwise")]
            let unnamed = Default::default();
            match log_store.write_commit_entry(version, bytes.clone(), unnamed).await {
                Ok(()) => Ok(true),
                Err(TransactionError::VersionAlreadyExists(_)) => Ok(false),
                Err(error) => Err(failed(error.into())),
            }
        }
    };
    if !matches!(put, Ok(true)) {
        // An answer may have been lost, and then a second try finds the first in its way. Nobody else writes these very bytes.
        let is_there = match (bytes, log_store.read_commit_entry(version).await) {
            (CommitOrBytes::LogBytes(ours), Ok(Some(found))) => *ours == found,
            _ => false,
        };
        match put {
            _ if is_there => {}
            Ok(_) => return Ok(Landing::Lost(DeltaTableError::VersionAlreadyExists(version))),
            // It may have been sent.
            Err(error) => return Ok(Landing::Unknown(error)),
        }
    }
    // From here the rows are visible. What comes after takes nothing back if it fails.
    if durable.is_ok() {
        durable = flush(env, log_folders(path, existing.is_none())).await;
    }
    if let Err(error) = durable {
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

/// Flushes folders: a file is there after a power cut if the folder that it is in was flushed, and all that were made above it.
async fn flush(env: &Arc<dyn Env>, folders: Vec<PathBuf>) -> Result<()> {
    if folders.is_empty() {
        return Ok(());
    }
    blocking(env, move || folders.iter().try_for_each(|folder| sync(folder))).await
}

/// The folders of these data files, and that of the table. The files were flushed when they were written, and objects are durable once
/// they are there.
fn data_folders(path: &Storage, added: &[StagedFile]) -> Vec<PathBuf> {
    let Some(table) = path.local_path() else { return Vec::new() };
    let mut folders = BTreeSet::from([Path::new("")]);
    folders.extend(added.iter().flat_map(|file| Path::new(&file.path).ancestors().skip(1)));
    folders.into_iter().map(|folder| table.join(folder)).collect()
}

/// The folder of the log, and those that may have been made for it.
fn log_folders(path: &Storage, is_new: bool) -> Vec<PathBuf> {
    let Some(table) = path.local_path() else { return Vec::new() };
    let above = table.ancestors().skip(usize::from(!is_new)).take(if is_new { 2 } else { 1 });
    [table.join("_delta_log")].into_iter().chain(above.map(Path::to_owned)).collect()
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
