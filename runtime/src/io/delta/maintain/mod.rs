//! What is done to tables beside storing rows: compaction, clean-up, checkpoints, going back.

mod delete;
mod optimize;
mod policy;
mod restore;
mod vacuum;

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::Action;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::logstore::get_actions;
use deltalake_core::protocol::{DeltaOperation, checkpoints};
use jiff::Timestamp;
use serde_json::json;

pub(super) use delete::delete;
pub use policy::DeltaMaintenance;

use super::land::{Entry, Landing, land, unanswered};
use super::opened::Opened;
use super::stage::StagedFile;
use super::table::{self, RUN};
use crate::error::{Error, ErrorKind, Result};
use crate::io::StoreRequest;
use crate::io::maintenance::{Maintained, Maintenance, PastVersion};
use crate::io::storage::Storage;
use crate::partition::KeySet;

/// Does it to the table in this folder. `keys` are the partitions that it may hold, if they are parts of it.
pub(super) async fn maintain(
    path: &Storage,
    request: &StoreRequest<'_>,
    keys: Option<&KeySet>,
    what: &Maintenance,
) -> Result<Maintained> {
    let missing = || {
        let message = format!("there is no Delta table in `{}`", path.display());
        Error::new(ErrorKind::Missing, message).help("materialize the asset first")
    };
    let table = table::open(path, request.env.as_ref()).await?.ok_or_else(missing)?;
    match what {
        Maintenance::Optimize { target_bytes } => optimize::optimize(path, request, keys, *target_bytes).await,
        Maintenance::Vacuum(vacuum) => vacuum::vacuum(path, request, vacuum).await,
        Maintenance::Checkpoint => checkpoint(path, table).await,
        Maintenance::Restore { version } => restore::restore(path, request, *version).await,
        Maintenance::History { most } => history(path, &table, *most).await,
    }
}

async fn checkpoint(path: &Storage, table: Opened) -> Result<Maintained> {
    let version = i64::try_from(table.version()).ok();
    let table = table.into_table();
    checkpoints::create_checkpoint(&table, None).await.map_err(|error| table::failed(error, path, "checkpoint"))?;
    Ok(Maintained { version, changed: true, ..Maintained::new() })
}

async fn history(path: &Storage, table: &Opened, most: usize) -> Result<Maintained> {
    let newest = table.version();
    let mut maintained = Maintained { version: i64::try_from(newest).ok(), ..Maintained::new() };
    for version in (0..=newest).rev().take(most) {
        let entry = table.log_store().read_commit_entry(version).await;
        // Older ones were cleaned up behind a checkpoint.
        let Some(bytes) = entry.map_err(|error| table::unreadable(error, path))? else { break };
        let mut past = PastVersion::new(i64::try_from(version).unwrap_or(i64::MAX));
        // A newer writer may have put actions in it that this version does not know.
        for action in get_actions(version, &bytes).unwrap_or_default() {
            let Action::CommitInfo(info) = action else { continue };
            let text = |name: &str| info.info.get(name).and_then(|value| value.as_str()).map(str::to_owned);
            past.at = info.timestamp.and_then(|at| Timestamp::from_millisecond(at).ok());
            (past.run, past.slice) = (text(RUN), text("lakewright.slice"));
            past.operation.clone_from(&info.operation);
        }
        maintained.history.push(past);
    }
    Ok(maintained)
}

/// One try to commit these actions to exactly this version of the table: the new version, or lost to somebody else.
async fn commit_once(
    path: &Storage,
    request: &StoreRequest<'_>,
    table: &Opened,
    actions: Vec<Action>,
    added: &[StagedFile],
    operation: DeltaOperation,
) -> Result<Result<u64, DeltaTableError>> {
    let info = [(RUN.to_owned(), json!(request.run.run)), ("lakewright.asset".to_owned(), json!(request.asset.key))];
    let properties = CommitProperties::default().with_metadata(info);
    match land(path, Some(table), Entry { actions, properties, operation }, added, &request.env).await? {
        Landing::Landed(version) => Ok(Ok(version)),
        Landing::Lost(error) => Ok(Err(error)),
        Landing::Unknown(error) => Err(unanswered(error, path)),
    }
}

/// What is said of a table that others changed again and again.
fn too_busy(path: &Storage, cause: Option<DeltaTableError>) -> Error {
    let message = format!("the table in `{}` was changed by others each time this was about to commit", path.display());
    let error = Error::new(ErrorKind::Conflict, message).retryable();
    match cause {
        Some(cause) => error.source(cause),
        None => error,
    }
}
