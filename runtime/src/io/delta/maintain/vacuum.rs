//! Clean-up: files that no version of a table within the retention needs.
//!
//! Not by delta-rs, which compares encoded paths with decoded ones: here a file stays if it is in the table under any spelling.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use deltalake_core::logstore::object_store::{ObjectStore, ObjectStoreExt};
use futures::TryStreamExt;

use super::super::opened::Opened;
use super::super::table;
use crate::error::{Error, ErrorKind, Result};
use crate::io::StoreRequest;
use crate::io::maintenance::{Maintained, StoredFile, Vacuum};
use crate::io::storage::Storage;

/// How long files are kept if the table does not say.
const RETENTION: Duration = Duration::from_hours(7 * 24);

pub(super) async fn vacuum(path: &Storage, request: &StoreRequest<'_>, vacuum: &Vacuum) -> Result<Maintained> {
    let failed = |error: &dyn std::fmt::Display, tried: &str| {
        let message = format!("cannot {tried} in the Delta table in `{}`", path.display());
        Error::new(ErrorKind::Io, message).source(error.to_string())
    };
    let gone = || Error::new(ErrorKind::Missing, format!("there is no Delta table in `{}`", path.display()));
    let opened = table::open(path, request.env.as_ref()).await?.ok_or_else(gone)?;
    let store = opened.log_store().object_store(None);
    // First what there is, and then what the table has: what is committed in between is in the table by then.
    let mut found: Vec<_> = store.list(None).try_collect().await.map_err(|error| failed(&error, "list the files"))?;
    let opened = table::open(path, request.env.as_ref()).await?.ok_or_else(gone)?;
    table::check_writable(&opened, path)?;

    let kept = opened.as_read().table_config().deleted_file_retention_duration.unwrap_or(RETENTION);
    let older_than = vacuum.older_than.unwrap_or(kept);
    if older_than < kept && !vacuum.force {
        let message = format!(
            "files of the table in `{}` are kept for {}, and those of {} ago may still be in use",
            path.display(),
            said(kept),
            said(older_than)
        );
        let help = "readers of older versions and runs that have not committed yet would lose them; `--force` (`Vacuum::force`) if there \
                    are none";
        return Err(Error::new(ErrorKind::Selection, message).help(help));
    }
    let now = request.env.now().as_millisecond();
    let ago = |age: Duration| now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let before = ago(older_than);
    // A file that the log does not know may be one of a run that has not committed yet, which the table's own retention says nothing of.
    let unknown_before = if vacuum.force { before } else { ago(older_than.max(RETENTION)) };
    // A table below this one has a log of its own.
    let logs = found.iter().filter_map(|file| file.location.as_ref().split_once("/_delta_log/"));
    let nested: HashSet<String> = logs.map(|(table, _)| format!("{table}/")).collect();
    let live: HashSet<String> = opened.files().iter().map(|file| plain(&file.path())).collect();
    let removed_at = tombstones(&opened, path).await?;

    found.retain(|file| {
        let name = plain(file.location.as_ref());
        is_data(&name)
            && !live.contains(&name)
            && !nested.iter().any(|table| file.location.as_ref().starts_with(table.as_str()))
            && match removed_at.get(&name) {
                Some(at) => file.last_modified.timestamp_millis() < before && *at < before,
                None => file.last_modified.timestamp_millis() < unknown_before,
            }
    });
    found.sort_by(|one, other| one.location.cmp(&other.location));
    let removed = found.iter().map(|file| StoredFile::new(file.location.as_ref(), file.size)).collect();
    if vacuum.apply {
        for file in &found {
            store.delete(&file.location).await.map_err(|error| failed(&error, &format!("remove `{}`", file.location)))?;
        }
    }
    let version = i64::try_from(opened.version()).ok();
    Ok(Maintained { version, changed: vacuum.apply && !found.is_empty(), removed, ..Maintained::new() })
}

/// When files were taken out of the table.
async fn tombstones(opened: &Opened, path: &Storage) -> Result<HashMap<String, i64>> {
    let log_store = opened.log_store();
    let all: Vec<_> = opened
        .as_read()
        .all_tombstones(log_store.as_ref())
        .try_collect()
        .await
        .map_err(|error| table::unreadable(error, path))?;
    // A file may have come back and gone again: the last time counts.
    let mut removed = HashMap::new();
    for gone in &all {
        let at = gone.deletion_timestamp().unwrap_or(i64::MAX);
        removed.entry(plain(&gone.path())).and_modify(|known: &mut i64| *known = at.max(*known)).or_insert(at);
    }
    Ok(removed)
}

/// Whether a file is one that tables keep rows in. Logs, indices and whatever begins with a dot or an underscore are not. Deletion
/// vectors stay, since the log does not say until when older versions need them.
fn is_data(name: &str) -> bool {
    let mut parts = name.split('/');
    let file = parts.next_back().unwrap_or_default();
    let hidden = |part: &str| (part.starts_with('_') || part.starts_with('.')) && !part.contains('=');
    let extension = Path::new(file).extension().and_then(|extension| extension.to_str());
    extension == Some("parquet") && !hidden(file) && !parts.any(hidden)
}

/// A path without any of its encodings, so that no spelling of a file that is in use is taken for another file.
fn plain(path: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    if decoded == path { decoded.into_owned() } else { plain(&decoded) }
}

/// A duration in the largest unit of which there are two.
fn said(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(24 * 3600, "day"), (3600, "hour"), (60, "minute")];
    let mut counts = units.into_iter().map(|(unit, name)| (seconds / unit, name));
    let (count, name) = counts.find(|(count, _)| *count > 1).unwrap_or((seconds, "second"));
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}
