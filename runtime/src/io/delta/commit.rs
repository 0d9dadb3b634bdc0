//! Committing staged files: one version of the table, once.
//!
//! The transaction is looked up on the very snapshot that the commit is made against, and the commit is tried exactly once
//! against it. delta-rs would retry by itself, but it does not enforce application transactions, and two full overwrites do not
//! conflict in its eyes: on a retry it would keep the files of both.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::time::Duration;

use deltalake_core::arrow::array::AsArray;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TableReference, TransactionError};
use deltalake_core::kernel::{Action, Add, Metadata, Protocol, StructType, Transaction, contains_timestampntz, new_metadata};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::table::state::DeltaTableState;
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use serde_json::json;

use super::stage::{StagedTable, check_schema, parse};
use super::table::{self, RUN};
use crate::commit::CommitId;
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::sync;
use crate::io::{Committed, Staged, StoreRequest};

/// How often a commit that lost a race is made again against the newer version.
const ATTEMPTS: u32 = 20;

/// How long a commit identity is remembered in a table at least.
const TRANSACTION_RETENTION: &str = "interval 30 days";

/// Makes staged files the content of the table.
pub(super) async fn commit(path: &Path, request: &StoreRequest<'_>, staged: &[Staged], id: &CommitId) -> Result<Committed> {
    let [staged] = staged else {
        return Err(Error::new(ErrorKind::Unsupported, "a whole table is committed from one stage"));
    };
    let staged = parse(staged)?;
    let mut lost = None;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            request.env.sleep(backoff(attempt, request.env.random())).await;
        }
        let existing = table::open(path, request.env.as_ref()).await?;
        if let Some(existing) = &existing {
            if let Some(committed) = earlier(existing, path, id).await? {
                return Ok(committed);
            }
            check_schema(path, request.asset, existing, &staged.schema, &staged.partition_columns)?;
        }
        match attempt_once(path, request, existing.as_ref(), &staged, id).await? {
            Ok(committed) => return Ok(committed),
            Err(error) => lost = Some(error),
        }
    }
    let message =
        format!("the table in `{}` was changed by others {ATTEMPTS} times while this run tried to commit", path.display());
    let error = Error::new(ErrorKind::Conflict, message).retryable();
    Err(match lost {
        Some(cause) => error.source(cause),
        None => error,
    })
}

/// What this very commit did if it landed before; an error if a later one of its kind did.
async fn earlier(existing: &DeltaTable, path: &Path, id: &CommitId) -> Result<Option<Committed>> {
    let state = table::state(existing, path)?;
    match table::committed_number(existing, path, id).await? {
        Some(number) if number == id.number => {
            let committed = Committed::new().version(i64::try_from(state.version()).ok()).table_rows(table::rows(state));
            Ok(Some(committed.already()))
        }
        Some(number) if number > id.number => {
            let message = format!("commit {} of `{}` comes after {number}, which replaced it", id.number, id.asset);
            Err(Error::new(ErrorKind::Superseded, message).with("location", path.display()))
        }
        _ => Ok(None),
    }
}

/// One try against one version of the table: committed, or lost to somebody else.
async fn attempt_once(
    path: &Path,
    request: &StoreRequest<'_>,
    existing: Option<&DeltaTable>,
    staged: &StagedTable,
    id: &CommitId,
) -> Result<Result<Committed, DeltaTableError>> {
    let failed = |error| table::failed(error, path, "commit to");
    let state = existing.map(|existing| table::state(existing, path)).transpose()?;
    let mut actions = match state {
        Some(state) => replacing(state, staged, path)?,
        None => creating(staged)?,
    };
    actions.extend(adds(staged));

    let now = request.env.now().as_millisecond();
    let transaction = Transaction::new_with_last_update(id.application(), id.number, Some(now));
    let properties = CommitProperties::default()
        .with_metadata(commit_info(request, id))
        .with_application_transaction(transaction)
        .with_max_retries(0);
    let partition_by = (!staged.partition_columns.is_empty()).then(|| staged.partition_columns.clone());
    let operation = DeltaOperation::Write { mode: SaveMode::Overwrite, partition_by, predicate: None };
    let log_store = match existing {
        Some(existing) => existing.log_store(),
        None => {
            DeltaTableBuilder::from_url(table::table_url(path)?).and_then(DeltaTableBuilder::build).map_err(failed)?.log_store()
        }
    };
    let reference = state.map(|state| state as &dyn TableReference);
    let commit = CommitBuilder::from(properties).with_actions(actions).build(reference, log_store, operation);

    let prepared = commit.into_prepared_commit_future().await.map_err(failed)?;
    match prepared.await {
        Ok(landed) => {
            let version = i64::try_from(landed.version).ok();
            if let Err(error) = make_durable(path, landed.version, staged) {
                tracing::warn!(%error, table = %path.display(), "the commit landed, and may not survive a power cut");
            }
            // From here the rows are visible. Checkpoints and clean-up come after, and their failure takes nothing back.
            if let Err(error) = landed.await {
                tracing::warn!(%error, table = %path.display(), "the commit landed, and what follows a commit failed");
            }
            let rows = staged.files.iter().map(|file| file.rows).sum();
            Ok(Ok(Committed::new().version(version).table_rows(Some(rows))))
        }
        Err(error) if is_conflict(&error) => Ok(Err(error)),
        // An error after the put may have been sent: whether it landed is asked of the table, never assumed.
        Err(error) => match table::open(path, request.env.as_ref()).await? {
            Some(now) => match earlier(&now, path, id).await? {
                Some(committed) => Ok(Ok(committed)),
                None => Err(failed(error)),
            },
            None => Err(failed(error)),
        },
    }
}

/// Flushes what the log refers to before anybody is told that it landed: delta-rs links commits into place without doing so.
fn make_durable(path: &Path, version: u64, staged: &StagedTable) -> Result<()> {
    let log = path.join("_delta_log");
    sync(&log.join(format!("{version:020}.json")))?;
    let folders: BTreeSet<&Path> = staged.files.iter().filter_map(|file| Path::new(&file.path).parent()).collect();
    folders.into_iter().try_for_each(|folder| sync(&path.join(folder)))?;
    [&log, path].into_iter().chain(path.parent()).try_for_each(sync)
}

/// The actions that create the table.
fn creating(staged: &StagedTable) -> Result<Vec<Action>> {
    let configuration = [("delta.setTransactionRetentionDuration", TRANSACTION_RETENTION)];
    let metadata = new_metadata(&staged.schema, &staged.partition_columns, configuration)
        .map_err(|error| Error::new(ErrorKind::Schema, "the columns cannot be the columns of a Delta table").source(error))?;
    Ok(vec![Action::Protocol(protocol(&staged.schema)?), Action::Metadata(metadata)])
}

/// The protocol that a table of this schema needs, and no more, so that every reader can read it.
fn protocol(schema: &StructType) -> Result<Protocol> {
    let protocol = if contains_timestampntz(schema.fields()) {
        json!({
            "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"],
        })
    } else {
        json!({ "minReaderVersion": 1, "minWriterVersion": 2 })
    };
    serde_json::from_value(protocol).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// The actions that take the present rows away, and replace the columns if they differ.
fn replacing(state: &DeltaTableState, staged: &StagedTable, path: &Path) -> Result<Vec<Action>> {
    let removes: Vec<Action> = state.log_data().iter().map(|file| file.remove_action(true).into()).collect();
    check_removes(state, &removes, path)?;
    let mut actions = removes;
    let known = state.schema();
    let same_columns = known.num_fields() == staged.schema.num_fields()
        && staged
            .schema
            .fields()
            .all(|field| known.field(field.name()).is_some_and(|known| known.data_type() == field.data_type()));
    if !same_columns || state.metadata().partition_columns() != staged.partition_columns {
        actions.push(Action::Metadata(replaced_metadata(state.metadata(), staged)?));
        let has_ntz = state.protocol().writer_features().is_some_and(|all| all.iter().any(|one| one.as_ref() == "timestampNtz"));
        if contains_timestampntz(staged.schema.fields()) && !has_ntz {
            actions.push(Action::Protocol(with_timestamp_ntz(state.protocol())?));
        }
    }
    Ok(actions)
}

/// Refuses tables whose files were named in a way that our removal would not match, since their rows would stay.
fn check_removes(state: &DeltaTableState, removes: &[Action], path: &Path) -> Result<()> {
    let listed = state.add_actions_table(true).map_err(|error| table::failed(error, path, "list the files of"))?;
    let known: HashSet<&str> = match listed.column_by_name("path").and_then(|column| column.as_string_opt::<i32>()) {
        Some(paths) => paths.iter().flatten().collect(),
        None => HashSet::new(),
    };
    for action in removes {
        let Action::Remove(remove) = action else { continue };
        let written = serde_json::to_value(remove).ok().and_then(|json| json["path"].as_str().map(str::to_owned));
        if !written.is_some_and(|written| known.contains(written.as_str())) {
            let message =
                format!("the table in `{}` names the file `{}` in a way that cannot be removed", path.display(), remove.path);
            return Err(Error::new(ErrorKind::Unsupported, message).help("rewrite the table with the tool that wrote it"));
        }
    }
    Ok(())
}

fn replaced_metadata(metadata: &Metadata, staged: &StagedTable) -> Result<Metadata> {
    let internal = |error: serde_json::Error| Error::new(ErrorKind::Internal, error.to_string());
    let mut changed = serde_json::to_value(metadata).map_err(internal)?;
    changed["partitionColumns"] = json!(staged.partition_columns);
    changed["schemaString"] = json!(serde_json::to_string(&staged.schema).map_err(internal)?);
    serde_json::from_value(changed).map_err(internal)
}

/// The protocol of a table whose columns now need naive timestamps, with every feature that it had.
fn with_timestamp_ntz(protocol: &Protocol) -> Result<Protocol> {
    let with_ntz = |known: Vec<String>| known.into_iter().chain(["timestampNtz".to_owned()]).collect::<Vec<_>>();
    let names = |feature: Option<&[_]>| feature.unwrap_or_default().iter().map(feature_name).collect::<Vec<_>>();
    let mut writer = with_ntz(names(protocol.writer_features()));
    if protocol.min_writer_version() < 7 {
        // Before version 7, append-only tables were a matter of the version.
        writer.push("appendOnly".to_owned());
    }
    let changed = json!({
        "minReaderVersion": 3, "minWriterVersion": 7,
        "readerFeatures": with_ntz(names(protocol.reader_features())), "writerFeatures": writer,
    });
    serde_json::from_value(changed).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

fn feature_name(feature: &impl AsRef<str>) -> String {
    feature.as_ref().to_owned()
}

fn adds(staged: &StagedTable) -> impl Iterator<Item = Action> {
    staged.files.iter().map(|file| {
        Action::Add(Add {
            path: file.path.clone(),
            partition_values: file.partition_values.clone().into_iter().collect(),
            size: file.size,
            modification_time: file.modified,
            data_change: true,
            stats: Some(file.stats.clone()),
            ..Default::default()
        })
    })
}

/// What the commit says of the run that made it.
fn commit_info(request: &StoreRequest<'_>, id: &CommitId) -> Vec<(String, serde_json::Value)> {
    let mut info = vec![
        (RUN.to_owned(), json!(request.run.run)),
        ("lakewright.asset".to_owned(), json!(request.asset.key)),
        ("lakewright.slice".to_owned(), json!(request.slice.to_string())),
        ("lakewright.commit".to_owned(), json!(id.to_string())),
        ("lakewright.attempt".to_owned(), json!(request.run.attempt)),
    ];
    info.extend(request.asset.code_version.as_ref().map(|version| ("lakewright.codeVersion".to_owned(), json!(version))));
    info
}

fn is_conflict(error: &DeltaTableError) -> bool {
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => {
            matches!(source, TransactionError::MaxCommitAttempts(_) | TransactionError::CommitConflict(_))
        }
        _ => false,
    }
}

/// From 10 ms, doubled each time up to 1.3 s, with as much again of jitter so that rivals part.
fn backoff(attempt: u32, random: u64) -> Duration {
    let base = 10 << attempt.min(7);
    Duration::from_millis(base + random % base)
}
