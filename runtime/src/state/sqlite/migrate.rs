//! Brings a log of version 1 up to date: a copy of it as it was, and then one transaction.
//!
//! Whoever migrates holds the lock that writes take, so a second process waits and finds it done. The new tables are filled by replaying
//! the events, as if they were appended once more. The copy is made last, when nothing but the commit can fail, and is under its name
//! only when it is whole and flushed; so a log that cannot be migrated is not copied with each attempt, and a process that is killed
//! leaves the old log, with a copy or without. A program of version 1 that has the log open goes on to issue numbers and to append
//! events, which are then in no run and no history; none opens it any more.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::failure::failed;
use super::open::{Found, connect, extend, look, mark};
use super::{Failure, read, runs, write};
use crate::error::Result;
use crate::io::files::{io_error, sync};
use crate::state::RunRecord;

const TABLES: &str = "ALTER TABLE partition_status RENAME TO partition_status_1";

const STATUS: &str = "
    INSERT INTO partition_status (asset, slice, status, cursor)
        SELECT asset, slice, status, cursor FROM partition_status_1 ORDER BY asset, slice;
    DROP TABLE partition_status_1;
";

pub(super) fn from_first(connection: &mut Connection, path: &Path, patience: Duration) -> Result<()> {
    let migrate = |error| failed(&error, "bring up to date", path);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(migrate)?;
    // Another process may have been first.
    if look(&transaction, path)? == Found::First {
        replay(&transaction).map_err(|failure| match failure {
            Failure::Sqlite(error) => migrate(error),
            Failure::Told(error) => error.with("log", path.display()),
        })?;
        keep_copy(path, patience)?;
    }
    transaction.commit().map_err(migrate)
}

fn replay(transaction: &Transaction<'_>) -> Result<(), Failure> {
    transaction.execute_batch(TABLES)?;
    extend(transaction)?;
    transaction.execute_batch(STATUS)?;
    let mut histories = write::Histories::new(transaction)?;
    let mut records: HashMap<String, Option<RunRecord>> = HashMap::new();
    let mut select = transaction.prepare("SELECT cursor, v, run, at, kind FROM events ORDER BY cursor")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let event = read::event(row)?;
        histories.add(&event)?;
        write::sum_up(records.entry(event.run.clone()).or_default(), &event);
    }
    for record in records.values().flatten() {
        runs::put(transaction, record)?;
    }
    Ok(mark(transaction)?)
}

/// Copies the log as others see it, which is as it was before this transaction.
fn keep_copy(path: &Path, patience: Duration) -> Result<()> {
    let part = beside(path, ".v1.bak.part");
    let part_failed = |error: io::Error| io_error(&error, "copy the log to", &part);
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(part_failed(error)),
        _ => {}
    }
    let copy = |error| failed(&error, "copy", path);
    let from = connect(path, OpenFlags::empty(), patience)?;
    let mut to = connect(&part, OpenFlags::SQLITE_OPEN_CREATE, patience)?;
    // It is thrown away unless it is whole, and flushed below.
    to.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(copy)?;
    Backup::new(&from, &mut to).and_then(|backup| backup.run_to_completion(i32::MAX, Duration::ZERO, None)).map_err(copy)?;
    to.close().map_err(|(_, error)| copy(error))?;
    sync(&part)?;
    for number in 1u32.. {
        let name = if number == 1 { ".v1.bak".to_owned() } else { format!(".v1.{number}.bak") };
        let kept = beside(path, &name);
        if !kept.try_exists().map_err(|error| io_error(&error, "find", &kept))? {
            fs::rename(&part, &kept).map_err(|error| io_error(&error, "rename a copy of the log to", &kept))?;
            break;
        }
        // An earlier attempt has come this far.
        if same(&part, &kept).map_err(|error| io_error(&error, "read", &kept))? {
            fs::remove_file(&part).map_err(part_failed)?;
            break;
        }
    }
    path.parent().map_or(Ok(()), sync)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Whether two files hold the same bytes.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let open = |path| File::open(path).map(|file| BufReader::with_capacity(1 << 20, file).bytes());
    for (a, b) in open(one)?.zip(open(other)?) {
        if a? != b? {
            return Ok(false);
        }
    }
    Ok(true)
}
