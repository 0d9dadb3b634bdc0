//! A log in one `SQLite` file, for all the processes of one machine.
//!
//! One connection writes and one reads, each behind a mutex, so that threads wait for each other there and only processes meet in
//! `SQLite`. Writes begin with `BEGIN IMMEDIATE`: who reads in order to write has the lock already.
//!
//! **Durability.** In WAL mode a commit is one append to the `-wal` file, and whether that is flushed before the call returns is
//! `PRAGMA synchronous`. What must not be lost is written with `FULL`. Most events are written with `NORMAL`: they cost a twentieth,
//! and the log stays whole whatever happens, since a power cut can only take the newest ones, in order. The next `FULL` commit
//! flushes the same file and so everything before it. The pragma is switched on the one connection that writes, rather than kept on
//! two, because the cache of a connection is thrown away whenever another has written.

mod calls;
mod collect;
mod failure;
mod kept;
mod migrate;
mod network;
mod open;
mod read;
mod runs;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::projection::Projection;
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::io_error;
use failure::failed;

/// How long a call waits for other processes, unless it is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps the log in one file, which any number of threads and processes of one machine may use at once.
///
/// The file, and the folders it is in, are made by the first call that writes or asks for the identity; before that there is nothing
/// to read. Two files beside it, `-wal` and `-shm`, belong to it. To begin anew, remove all three while no process uses them. Never
/// put an older copy in its place: it would issue numbers that tables know already, and those commits would be taken for made.
///
/// A log of an older version is brought up to date by the first call, and a copy of it as it was is put beside it before that:
/// `state.db.v1.bak`, which nothing here reads or removes. A copy that is there already is left as it is; another one gets a number.
///
/// The processes share memory, and so the file has to be on a disk of the machine; one on a file system of the network is refused.
///
/// ```
/// use lakewright::Slice;
/// use lakewright::state::{SqliteState, State};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("state.db");
/// let state = SqliteState::new(&path);
/// assert!(state.keys("regions")?.is_empty() && !path.exists());
///
/// assert_eq!(state.number(&"iris".parse()?, &Slice::Whole, "run", 0)?, 1);
/// assert_eq!(SqliteState::new(&path).number(&"iris".parse()?, &Slice::Whole, "another run", 0)?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteState {
    path: PathBuf,
    patience: Duration,
    env: Option<Arc<dyn Env>>,
    /// The identity, once it is known. Whatever is found at the path later must have it too.
    id: OnceLock<String>,
    writer: Mutex<Option<Writer>>,
    reader: Mutex<Option<Connection>>,
}

/// What writing needs.
struct Writer {
    connection: Connection,
    /// What `PRAGMA synchronous` is.
    durability: Durability,
    projection: Projection,
}

/// Whether a power cut may take a commit back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// It may not.
    Full,
    /// It may, until the next that is full.
    Normal,
}

impl SqliteState {
    /// The log in this file. Opens nothing yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            patience: PATIENCE,
            env: None,
            id: OnceLock::new(),
            writer: Mutex::default(),
            reader: Mutex::default(),
        }
    }

    /// How long a call waits for other processes before it fails with an error that says so; 30 seconds without this.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Where the identity of a new log comes from; the machine's own randomness without this.
    #[must_use]
    pub fn env(mut self, env: Arc<dyn Env>) -> Self {
        self.env = Some(env);
        self
    }

    /// Where the file is, or will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn new_id(&self) -> String {
        self.env.as_ref().map_or_else(|| format!("{:016x}", rand::random::<u64>()), |env| unique_id(env.as_ref()))
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_writer(&self) -> Result<Writer> {
        let path = std::path::absolute(&self.path).map_err(|error| io_error(&error, "resolve", &self.path))?;
        let (connection, id) = open::writer(&path, self.patience, || self.new_id())?;
        if *self.id.get_or_init(|| id.clone()) != id {
            let message = format!("the log `{}` was replaced by another while it was in use", self.path.display());
            return Err(Error::new(ErrorKind::Conflict, message).help("start the program again, and the run"));
        }
        Ok(Writer { connection, durability: Durability::Full, projection: Projection::default() })
    }

    /// Does something to the log, whole or not at all.
    ///
    /// After an error the connection is closed and the next call opens another one: nothing of a transaction that failed half way,
    /// or of a flush that failed, is left in it.
    fn write<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>, &mut Projection) -> Result<T, Failure>,
    ) -> Result<T> {
        let mut place = self.writer();
        let mut writer = place.take().map_or_else(|| self.open_writer(), Ok)?;
        let done = writer.run(durability, work).map_err(|failure| match failure {
            Failure::Sqlite(error) => failed(&error, "write to", &self.path),
            Failure::Told(error) => error.with("log", self.path.display()),
        })?;
        *place = Some(writer);
        Ok(done)
    }

    /// Reads from the log; nothing if there is none yet.
    fn read<T: Default>(&self, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T> {
        let mut place = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match place.take() {
            Some(connection) => connection,
            None => match self.open_reader()? {
                Some(connection) => connection,
                None => return Ok(T::default()),
            },
        };
        let done = work(&connection).map_err(|failure| match failure {
            Failure::Sqlite(error) => failed(&error, "read", &self.path),
            Failure::Told(error) => error.with("log", self.path.display()),
        })?;
        *place = Some(connection);
        Ok(done)
    }

    fn open_reader(&self) -> Result<Option<Connection>> {
        let path = std::path::absolute(&self.path).map_err(|error| io_error(&error, "resolve", &self.path))?;
        if !path.try_exists().map_err(|error| io_error(&error, "find", &self.path))? {
            return Ok(None);
        }
        // Opening it to write sees to it that it is a log, and one that we know. That waits for nobody who writes.
        let mut writer = self.writer();
        if writer.is_none() {
            *writer = Some(self.open_writer()?);
        }
        open::reader(&path, self.patience).map(Some)
    }
}

impl Writer {
    fn run<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>, &mut Projection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.durability != durability {
            self.connection.execute_batch(match durability {
                Durability::Full => "PRAGMA synchronous = FULL",
                Durability::Normal => "PRAGMA synchronous = NORMAL",
            })?;
            self.durability = durability;
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction, &mut self.projection)?;
        transaction.commit()?;
        Ok(done)
    }
}

/// An error of `SQLite`, or one of ours.
enum Failure {
    Sqlite(rusqlite::Error),
    Told(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}
