//! Finds or makes the file of a log, and refuses what is none.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::failure::{damaged, failed};
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::{io_error, sync};

/// Marks a file as a log of ours: `LWLG`.
const APPLICATION: i64 = 0x4c57_4c47;

/// The version of `schema.sql`.
const VERSION: i64 = 1;

const SCHEMA: &str = include_str!("schema.sql");

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
    }
    let open = |error| failed(&error, "open", path);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE, patience)?;
    // On macOS, an ordinary flush leaves data in the cache of the disk. Elsewhere the latter two change nothing.
    let flush = "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON";
    connection.execute_batch(flush).map_err(open)?;
    // Before anything is changed: the file may be somebody else's, and then it stays as it is.
    let is_new = is_new(&connection, path)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(open)?;
    if mode != "wal" {
        let message = format!("the log `{}` is on a file system on which processes cannot share it", path.display());
        return Err(Error::new(ErrorKind::Unsupported, message).help("keep it on a local disk"));
    }
    if is_new {
        create(&mut connection, path, new_id)?;
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

fn connect(path: &Path, how: OpenFlags, patience: Duration) -> Result<Connection> {
    // Not as a URI, so that every path is a path. A mutex of ours is around each connection.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | how;
    let open = |error| failed(&error, "open", path);
    let connection = Connection::open_with_flags(path, flags).map_err(open)?;
    connection.busy_timeout(patience).map_err(open)?;
    Ok(connection)
}

/// Whether nothing is there yet.
///
/// # Errors
/// If what is there is no log, or one of a newer program.
fn is_new(connection: &Connection, path: &Path) -> Result<bool> {
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
        (0, 0) if tables == 0 => Ok(true),
        (APPLICATION, VERSION) => Ok(false),
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
    if is_new(&transaction, path)? {
        transaction.execute_batch(SCHEMA).map_err(make)?;
        transaction.execute("INSERT INTO meta (log_id) VALUES (?1)", [new_id()]).map_err(make)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(make)?;
        transaction.pragma_update(None, "user_version", VERSION).map_err(make)?;
    }
    transaction.commit().map_err(make)
}

/// Makes a folder and what it is in, and flushes what they are in: a log is not durable in a folder that is not.
fn make_folder(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(folder).map_err(|error| io_error(&error, "make the folder", folder))?;
    missing.into_iter().filter_map(Path::parent).filter(|parent| !parent.as_os_str().is_empty()).try_for_each(sync)
}
