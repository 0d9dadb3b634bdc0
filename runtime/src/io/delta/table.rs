//! Opening tables, and telling a missing one from a damaged one and from a folder that is something else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deltalake_core::kernel::Action;
use deltalake_core::kernel::transaction::PROTOCOL;
use deltalake_core::logstore::get_actions;
use deltalake_core::logstore::object_store::ObjectStore;
use deltalake_core::logstore::object_store::local::LocalFileSystem;
use deltalake_core::{DeltaTableBuilder, DeltaTableError};
use jiff::Timestamp;
use url::Url;

use super::opened::Opened;
use super::schema;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::io::Description;
use crate::io::files::io_error;
use crate::io::storage::Storage;

/// The key under which commits carry the run that made them.
pub(super) const RUN: &str = "lakewright.run";

/// How often a log that cannot be read is looked at again: one that is being written to while it is listed may look damaged.
const LOOKS: u64 = 4;

/// The newest version of the table in this folder, or nothing if there is none.
///
/// A folder that holds something else is an error, and so is a log that cannot be read: neither is ever taken for "no table",
/// since the next write would then create one over it.
pub(super) async fn open(path: &Storage, env: &dyn Env) -> Result<Option<Opened>> {
    let mut look = 1;
    loop {
        match open_once(path).await {
            Err(error) if error.kind() == ErrorKind::Corrupt && look < LOOKS => {
                env.sleep(Duration::from_millis(5 * look)).await;
                look += 1;
            }
            opened => return opened,
        }
    }
}

/// The table at this version, of which the newest is known.
pub(super) async fn at_version(path: &Storage, newest: &Opened, version: i64) -> Result<Opened> {
    let last = newest.version();
    let missing = || {
        let message = format!("the table in `{}` has no version {version}", path.display());
        Error::new(ErrorKind::Missing, message).help(format!("its newest version is {last}; older ones may have been cleaned up"))
    };
    let wanted = u64::try_from(version).ok().filter(|version| *version <= last).ok_or_else(missing)?;
    match builder(path)?.with_version(wanted).load().await {
        Ok(table) => Opened::new(table, path),
        Err(error) => Err(missing().source(error)),
    }
}

/// As [`open`], without looking again.
pub(super) async fn open_once(path: &Storage) -> Result<Option<Opened>> {
    if let Some(folder) = path.local_path() {
        let log = folder.join("_delta_log");
        if !log.try_exists().map_err(|error| io_error(&error, "look at", &log))? {
            return absent(folder).map(|()| None);
        }
    }
    match (builder(path)?.load().await, path.local_path()) {
        (Ok(table), _) => Opened::new(table, path).map(Some),
        (Err(DeltaTableError::NotATable(_)), Some(folder)) => absent(folder).map(|()| None),
        (Err(DeltaTableError::NotATable(_)), None) => absent_objects(path).await.map(|()| None),
        (Err(error), _) => Err(unreadable(error, path)),
    }
}

/// The table in a folder that is there, not yet loaded. The folder is the root of a store of its own: from its URL, the names in it
/// with a `%` would be decoded twice.
pub(super) fn builder(path: &Storage) -> Result<DeltaTableBuilder> {
    let cannot = || Error::new(ErrorKind::Config, format!("`{}` cannot be the folder of a table", path.display()));
    let root = Url::parse("file:///").map_err(|error| cannot().source(error))?;
    let store: Arc<dyn ObjectStore> = match (path.object_store()?, path.local_path()) {
        (Some(store), _) => store,
        (None, Some(folder)) => {
            Arc::new(LocalFileSystem::new_with_prefix(folder).map_err(|error| failed(error.into(), path, "open"))?)
        }
        (None, None) => return Err(cannot()),
    };
    let builder = DeltaTableBuilder::from_url(root.clone()).map_err(|error| failed(error, path, "open"))?;
    Ok(builder.with_storage_backend(store, root))
}

/// Whether the folder is free for a table: not there, empty, or with nothing but what an unfinished first write left behind.
fn absent(path: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error(&error, "list", path)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| io_error(&error, "list", path))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name == "_delta_log" {
            let log = path.join("_delta_log");
            let mut inside = std::fs::read_dir(&log).map_err(|error| io_error(&error, "list", &log))?;
            if inside.any(|entry| entry.is_ok_and(|entry| !is_unfinished(&entry.file_name().to_string_lossy()))) {
                return Err(no_commit(path.display()));
            }
        } else if !is_our_leftover(&name, path) {
            return Err(something_else(path.display(), &name));
        }
    }
    Ok(())
}

/// Whether an entry is a data file, or a folder of data files, that a first write staged and never committed.
fn is_our_leftover(name: &str, folder: &Path) -> bool {
    let entry = folder.join(name);
    if !entry.is_dir() {
        return is_staged(name);
    }
    let inside = std::fs::read_dir(&entry);
    name.contains('=')
        && inside.is_ok_and(|mut inside| {
            inside.all(|found| found.is_ok_and(|found| is_our_leftover(&found.file_name().to_string_lossy(), &entry)))
        })
}

/// Whether this is the name of a data file as we stage them.
fn is_staged(name: &str) -> bool {
    let middle = name.strip_suffix(".parquet").and_then(|name| name.rsplit_once('-'));
    middle.is_some_and(|(first, run)| {
        let part = first.strip_prefix("part-").is_some_and(|index| index.chars().all(|c| c.is_ascii_digit() || c == '-'));
        is_hex(run, 16) && (part || first.strip_prefix(super::layout::EMPTY).is_some_and(|digest| is_hex(digest, 32)))
    })
}

/// Whether this is the name of an entry of a log that was written beside its own and never got it: by us, or by delta-rs.
fn is_unfinished(name: &str) -> bool {
    let beside = name.strip_prefix('.').and_then(|name| name.split_once(".json."));
    name.contains("json#") || beside.is_some_and(|(_, end)| is_hex(end, 16))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// As [`absent`], in a bucket.
async fn absent_objects(path: &Storage) -> Result<()> {
    for name in path.names().await? {
        match name.strip_prefix("_delta_log/") {
            // Commits that were written beside and did not come to be.
            Some(entry) if entry.starts_with(".tmp/") || Path::new(entry).extension().is_some_and(|end| end == "tmp") => {}
            Some(_) => return Err(no_commit(path)),
            None => {
                let (folders, file) = name.rsplit_once('/').unwrap_or(("", &name));
                let ours = is_staged(file) && folders.split('/').all(|folder| folder.is_empty() || folder.contains('='));
                if !ours {
                    return Err(something_else(path, &name));
                }
            }
        }
    }
    Ok(())
}

fn no_commit(path: impl std::fmt::Display) -> Error {
    let message = format!("the Delta log in `{path}` has no commit that can be read");
    Error::new(ErrorKind::Corrupt, message).help("restore `_delta_log` from a backup, or move the folder away")
}

fn something_else(path: impl std::fmt::Display, name: &str) -> Error {
    let message = format!("`{path}` is not a Delta table: it holds `{name}` and no `_delta_log`");
    Error::new(ErrorKind::NotATable, message).help("move the folder away, or give the asset another schema or name")
}

/// Refuses tables that we could not write without breaking a promise they make.
pub(super) fn check_writable(table: &Opened, path: &Storage) -> Result<()> {
    if table.metadata().configuration().get("delta.columnMapping.mode").is_some_and(|mode| mode != "none") {
        let message =
            format!("the table in `{}` uses column mapping, with which it is read here and not written", path.display());
        return Err(Error::new(ErrorKind::Unsupported, message).help("write to another table"));
    }
    PROTOCOL.can_write_to(table.as_read()).map_err(|error| {
        let message = format!("the table in `{}` has features that this version does not write", path.display());
        Error::new(ErrorKind::Unsupported, message).source(error)
    })
}

/// What is stored, from the log alone.
pub(super) async fn describe(table: &Opened, path: &Storage) -> Result<Description> {
    let mut description = Description {
        exists: true,
        version: i64::try_from(table.version()).ok(),
        rows: table.rows(),
        bytes: Some(table.files().iter().map(|file| u64::try_from(file.size()).unwrap_or_default()).sum()),
        columns: schema::columns(&table.schema()),
        ..Description::default()
    };
    let commit = table.log_store().read_commit_entry(table.version()).await.map_err(|error| unreadable(error, path))?;
    // The commit itself may have been cleaned up behind a checkpoint, and a newer writer may have put actions in it that this
    // version does not know; neither makes the table unreadable.
    let actions = commit.and_then(|bytes| get_actions(table.version(), &bytes).ok()).unwrap_or_default();
    for action in actions {
        if let Action::CommitInfo(info) = action {
            description.modified = info.timestamp.and_then(|at| Timestamp::from_millisecond(at).ok());
            description.run = info.info.get(RUN).and_then(|run| run.as_str()).map(str::to_owned);
        }
    }
    Ok(description)
}

/// An error of a log that is there and cannot be read.
pub(super) fn unreadable(error: DeltaTableError, path: &Storage) -> Error {
    if let Some(error) = as_io(&error, path) {
        return error;
    }
    let message = format!("the Delta log of `{}` cannot be read", path.display());
    let help = "nothing was changed; look at the newest file in `_delta_log`, and restore it from a backup if it is cut short";
    Error::new(ErrorKind::Corrupt, message).source(error).help(help)
}

/// Any other error of a table.
pub(super) fn failed(error: DeltaTableError, path: &Storage, tried: &str) -> Error {
    if let Some(error) = as_io(&error, path) {
        return error;
    }
    Error::new(ErrorKind::Io, format!("cannot {tried} the Delta table in `{}`", path.display())).source(error)
}

/// The error of the file system at the root of an error, if there is one.
fn as_io(error: &DeltaTableError, path: &Storage) -> Option<Error> {
    let Some(folder) = path.local_path() else { return path.failure(error, "read or write") };
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io_error(io, "read or write", folder));
        }
        next = error.source();
    }
    None
}
