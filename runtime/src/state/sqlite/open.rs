//! Finds or makes the file of a log, and refuses what is none.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::failure::{damaged, failed};
use super::{migrate, network};
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::{io_error, sync};

/// Marks a file as a log of ours: `LWLG`.
const APPLICATION: i64 = 0x4c57_4c47;

/// The version of the tables.
const VERSION: i64 = 2;

/// The tables since version 1, and those since version 2.
const SCHEMA: [&str; 2] = [include_str!("schema.sql"), include_str!("schema_2.sql")];

/// How many statements a connection keeps prepared: all that there are.
const STATEMENTS: usize = 64;

/// What is in a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Nothing,
    /// A log of version 1.
    First,
    /// A log of this version.
    Current,
}

/// The connection that writes, and the identity of the log. Makes the file if it is not there.
///
/// Processes that make one file at once can stand in each other's way such that `SQLite` does not wait: each holds the file that
/// another wants to change. So whoever finds it busy lets go of it, and begins again.
pub(super) fn writer(path: &Path, patience: Duration, new_id: impl Fn() -> String) -> Result<(Connection, String)> {
    let start = Instant::now();
    loop {
        match try_writer(path, patience, &new_id) {
            Err(error) if error.kind() == ErrorKind::Conflict && start.elapsed() < patience => {
                // Not all at the same moment.
                std::thread::sleep(Duration::from_millis(rand::random_range(1..20)));
            }
            done => return done,
        }
    }
}

fn try_writer(path: &Path, patience: Duration, new_id: impl Fn() -> String) -> Result<(Connection, String)> {
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(|error| error.with("log", path.display()))?;
        network::refuse(path, folder)?;
    }
    let open = |error| failed(&error, "open", path);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE, patience)?;
    // On macOS, an ordinary flush leaves data in the cache of the disk. Elsewhere the latter two change nothing.
    let flush = "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON";
    connection.execute_batch(flush).map_err(open)?;
    // Emptying the `-wal` file costs two flushes, so it is done every 16 MB.
    connection.execute_batch("PRAGMA wal_autocheckpoint = 4000").map_err(open)?;
    // Of a log of ten thousand assets, what a batch of events touches is more than the 2 MB that `SQLite` keeps by itself: it would write
    // pages before the batch is whole, and read them again for the next.
    connection.execute_batch("PRAGMA cache_size = -16384").map_err(open)?;
    // To look for the status of a partition in the three that there are, it would make a table of them for each row. They are written by
    // `status_text`, which knows no other, and a test has `SQLite` check a file that has all of them.
    connection.execute_batch("PRAGMA ignore_check_constraints = ON").map_err(open)?;
    // Before anything is changed: the file may be somebody else's, and then it stays as it is.
    let found = look(&connection, path)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(open)?;
    if mode != "wal" {
        let message = format!("the log `{}` is on a file system on which processes cannot share it", path.display());
        return Err(Error::new(ErrorKind::Unsupported, message).help("keep it on a local disk"));
    }
    match found {
        Found::Nothing => create(&mut connection, path, new_id)?,
        Found::First => migrate::from_first(&mut connection, path, patience)?,
        Found::Current => {}
    }
    let id: String = connection.query_row("SELECT log_id FROM meta", [], |row| row.get(0)).map_err(|error| {
        let busy = failed(&error, "open", path);
        if busy.is_retryable() { busy } else { damaged(path).source(busy) }
    })?;
    Ok((connection, id))
}

/// A connection that only reads, to a log that is there.
pub(super) fn reader(path: &Path, patience: Duration) -> Result<Connection> {
    let connection = connect(path, OpenFlags::empty(), patience)?;
    connection.execute_batch("PRAGMA query_only = ON").map_err(|error| failed(&error, "open", path))?;
    Ok(connection)
}

pub(super) fn connect(path: &Path, how: OpenFlags, patience: Duration) -> Result<Connection> {
    // Not as a URI, so that every path is a path. A mutex of ours is around each connection.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | how;
    let open = |error| failed(&error, "open", path);
    let connection = Connection::open_with_flags(path, flags).map_err(open)?;
    connection.busy_timeout(patience).map_err(open)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan that may depend on values is made anew for each of them, which costs more than every statement of ours.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(open)?;
    Ok(connection)
}

/// What is there.
///
/// # Errors
/// If it is no log, or one of a newer program.
pub(super) fn look(connection: &Connection, path: &Path) -> Result<Found> {
    let open = |error| failed(&error, "open", path);
    let (application, version, tables): (i64, i64, i64) = connection
        .query_row(
            "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version), \
             (SELECT count(*) FROM sqlite_schema)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .map_err(open)?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(Found::Nothing),
        (APPLICATION, 1) => Ok(Found::First),
        (APPLICATION, VERSION) => Ok(Found::Current),
        (APPLICATION, newer) if newer > VERSION => {
            let message = format!("the log `{}` has version {newer}, and this program knows {VERSION}", path.display());
            Err(Error::new(ErrorKind::Unsupported, message).help("use the program that wrote it, or a newer one"))
        }
        (APPLICATION, _) => Err(damaged(path)),
        _ => {
            let message = format!("`{}` is the database of another program", path.display());
            Err(Error::new(ErrorKind::Config, message).help("give the log a file of its own"))
        }
    }
}

/// Makes the tables, unless another process has done so in the meantime. All or nothing: a process that is killed here leaves an
/// empty file, which is as good as none.
fn create(connection: &mut Connection, path: &Path, new_id: impl Fn() -> String) -> Result<()> {
    let make = |error| failed(&error, "make", path);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(make)?;
    if look(&transaction, path)? == Found::Nothing {
        transaction.execute_batch(&SCHEMA.concat()).map_err(make)?;
        transaction.execute("INSERT INTO meta (log_id) VALUES (?1)", [new_id()]).map_err(make)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(make)?;
        mark(&transaction).map_err(make)?;
    }
    transaction.commit().map_err(make)
}

/// Makes the tables since version 2.
pub(super) fn extend(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SCHEMA[1])
}

/// Says that the tables have this version.
pub(super) fn mark(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", VERSION)
}

/// Makes a folder and what it is in, and flushes what they are in: a log is not durable in a folder that is not.
fn make_folder(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(folder).map_err(|error| io_error(&error, "make the folder", folder))?;
    missing.into_iter().filter_map(Path::parent).filter(|parent| !parent.as_os_str().is_empty()).try_for_each(sync)
}
