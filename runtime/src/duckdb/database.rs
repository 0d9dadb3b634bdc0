//! A database by its path: what stores and resources hold.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::owner::{Settings, Slot, User};
use super::session::Session;
use crate::error::Result;

/// How long a database that another process holds is waited for, unless told otherwise.
const WAIT: Duration = Duration::from_secs(10);

/// A DuckDB database: a file, or a database in memory.
///
/// A clone is the same database. Naming one touches nothing; the first [`connection`](DuckDb::connection) opens the file, and
/// creates it if it is not there. All values of a process that name the same file share one instance of DuckDB, so any number of
/// assets and stores may use it at once. DuckDB lets one process at a time have a file open: this one has it until the last of
/// these values that was used is gone, or was [released](DuckDb::release), and the last connection is closed.
///
/// As a resource, for SQL of one's own:
///
/// ```
/// use lakewright::duckdb::DuckDb;
/// use lakewright::prelude::*;
///
/// #[asset(io_manager = "memory")]
/// fn answers(warehouse: Resource<DuckDb>) -> Result<DataFrame> {
///     let connection = warehouse.connection()?;
///     connection.execute("CREATE OR REPLACE TABLE answers AS SELECT 42 AS answer")?;
///     connection.query("SELECT answer + 1 AS next FROM answers")
/// }
///
/// let frame = answers(Resource::new(DuckDb::in_memory()))?;
/// assert_eq!(frame.column("next")?.i32()?.get(0), Some(43));
/// # Ok::<(), Error>(())
/// ```
///
/// It is bound with `.resource("warehouse", DuckDb::open("warehouse.duckdb"))`.
#[derive(Clone)]
pub struct DuckDb {
    inner: Arc<Inner>,
}

struct Inner {
    target: Target,
    settings: Settings,
    wait: Duration,
    user: Mutex<Option<Arc<User>>>,
}

enum Target {
    File(PathBuf),
    /// Of the process, by a name.
    Shared(String),
    /// Of this value and its clones.
    Own(Arc<Slot>),
}

/// A database and how it is opened.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct DuckDbBuilder {
    path: PathBuf,
    settings: Settings,
    wait: Duration,
}

impl DuckDbBuilder {
    /// A setting that DuckDB is opened with, such as `memory_limit` or `threads`.
    ///
    /// One file has one set of settings in a process. Extensions are neither installed nor loaded by themselves, unless
    /// `autoinstall_known_extensions` and `autoload_known_extensions` say so.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.set(name.into(), value.into());
        self
    }

    /// How long to wait for a file that another process holds; 10 seconds unless this is called.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The database; nothing is opened yet.
    #[must_use]
    pub fn build(self) -> DuckDb {
        let text = self.path.to_string_lossy();
        let target = if text.starts_with(":memory:") { Target::Shared(text.into_owned()) } else { Target::File(self.path) };
        DuckDb { inner: Arc::new(Inner { target, settings: self.settings, wait: self.wait, user: Mutex::new(None) }) }
    }
}

impl DuckDb {
    /// The database in this file. `:memory:` is one in memory that lives as long as the process, and `:memory:name` another.
    pub fn open(path: impl AsRef<Path>) -> Self {
        Self::builder(path).build()
    }

    /// The database in this file, with settings.
    pub fn builder(path: impl AsRef<Path>) -> DuckDbBuilder {
        DuckDbBuilder { path: path.as_ref().to_owned(), settings: Settings::default(), wait: WAIT }
    }

    /// A new database in memory, which lives as long as this value, its clones and their connections.
    #[must_use]
    pub fn in_memory() -> Self {
        let target = Target::Own(Slot::memory(":memory:"));
        Self { inner: Arc::new(Inner { target, settings: Settings::default(), wait: WAIT, user: Mutex::new(None) }) }
    }

    /// A connection of its own, which is closed when it is dropped: what it had not committed is rolled back, and its temporary
    /// tables and views are gone.
    ///
    /// Opens the database if it is not open. Blocks while it does, and while it waits for another process.
    ///
    /// # Errors
    /// If another process holds the file for longer than is waited, which can be tried again; if the file is not a database, its
    /// folder is not there, or a setting is unknown or differs from what the file is open with in this process.
    pub fn connection(&self) -> Result<Connection> {
        let user = self.user()?;
        Ok(Connection::new(Session::open(user)?))
    }

    /// Closes the database as soon as nobody has a connection, so that another process can open it. It is opened again when it is
    /// used again. What is in memory stays.
    pub fn release(&self) {
        if matches!(self.inner.target, Target::File(_)) {
            self.inner.user.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// Where it is: the path as it was given, or `:memory:`.
    #[must_use]
    pub fn location(&self) -> String {
        match &self.inner.target {
            Target::File(path) => path.display().to_string(),
            Target::Shared(name) => name.clone(),
            Target::Own(_) => ":memory:".to_owned(),
        }
    }

    /// The path of the file, if it is in one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.inner.target {
            Target::File(path) => Some(path),
            Target::Shared(_) | Target::Own(_) => None,
        }
    }

    /// What tells a database in memory from another.
    pub(crate) fn identity(&self) -> String {
        match &self.inner.target {
            Target::File(path) => path.to_string_lossy().into_owned(),
            Target::Shared(name) => name.clone(),
            Target::Own(slot) => format!("{}{:p}", self.location(), Arc::as_ptr(slot)),
        }
    }

    fn user(&self) -> Result<Arc<User>> {
        // Those who wait for the lock have waited for the file.
        let until = Instant::now() + self.inner.wait;
        let mut user = self.inner.user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(user) = &*user {
            return Ok(Arc::clone(user));
        }
        let slot = match &self.inner.target {
            Target::File(path) => Slot::of_file(path)?,
            Target::Shared(name) => Slot::of_process(name),
            Target::Own(slot) => Arc::clone(slot),
        };
        let joined = Arc::new(slot.join(&self.inner.settings, until)?);
        *user = Some(Arc::clone(&joined));
        Ok(joined)
    }
}

impl fmt::Debug for DuckDb {
    /// Without the values of settings, among which there may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DuckDb")
            .field("location", &self.location())
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
