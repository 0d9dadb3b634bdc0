//! One owner for each database of the process: DuckDB must not have a file open twice, and does not look for that itself.

use std::collections::{BTreeMap, HashMap};
use std::ffi::CString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::errors::{open_error, sql_error};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::ffi::duckdb::{Converter, Database, register_function};

/// How often a file that another process holds is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// What a database is opened with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(super) fn set(&mut self, name: String, value: String) {
        self.0.insert(name, value);
    }
}

impl Default for Settings {
    /// A query never goes to the network for an extension.
    fn default() -> Self {
        let off = ["autoinstall_known_extensions", "autoload_known_extensions"];
        Self(off.into_iter().map(|name| (name.to_owned(), "false".to_owned())).collect())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The place of one database in this process, open or not.
pub(super) struct Slot {
    location: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    users: usize,
    open: Option<(Database, Settings)>,
}

/// A share in an open database. The last one that is dropped closes it.
pub(super) struct User {
    slot: Arc<Slot>,
}

impl Slot {
    /// That of a file, which need not be there, in a folder which must be.
    pub(super) fn of_file(path: &Path) -> Result<Arc<Self>> {
        static FILES: LazyLock<Mutex<HashMap<PathBuf, Weak<Slot>>>> = LazyLock::new(Mutex::default);
        let path = canonical(path)?;
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|_, slot| slot.strong_count() > 0);
        let known = files.iter().find(|(known, _)| **known == path || same_file(known, &path));
        if let Some(slot) = known.and_then(|(_, slot)| slot.upgrade()) {
            return Ok(slot);
        }
        let location = path.to_str().ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("the path of the DuckDB file `{}` is not UTF-8", path.display()))
        })?;
        let slot = Arc::new(Self { location: location.to_owned(), state: Mutex::default() });
        files.insert(path, Arc::downgrade(&slot));
        Ok(slot)
    }

    /// That of a database in memory that the whole process shares, and that stays until it ends.
    pub(super) fn of_process(name: &str) -> Arc<Self> {
        static NAMED: LazyLock<Mutex<HashMap<String, Arc<Slot>>>> = LazyLock::new(Mutex::default);
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = named.entry(name.to_owned()).or_insert_with(|| {
            let slot = Self::memory(name);
            // Nobody gives this share back.
            slot.state().users = 1;
            slot
        });
        Arc::clone(slot)
    }

    /// A new one, in memory.
    pub(super) fn memory(name: &str) -> Arc<Self> {
        Arc::new(Self { location: name.to_owned(), state: Mutex::default() })
    }

    /// Opens the database unless it is open already.
    pub(super) fn join(self: &Arc<Self>, settings: &Settings, until: Instant) -> Result<User> {
        loop {
            // All that opens or closes the file has this lock, so no instance is opened while another is being closed.
            let mut state = self.state();
            let opened = match &state.open {
                Some((_, known)) => self.same(known, settings),
                None => self.open(settings).map(|database| state.open = Some((database, settings.clone()))),
            };
            match opened {
                Ok(()) => {
                    state.users += 1;
                    return Ok(User { slot: Arc::clone(self) });
                }
                Err(error) if error.is_retryable() && Instant::now() < until => {
                    drop(state);
                    thread::sleep(AGAIN.min(until.saturating_duration_since(Instant::now())));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn open(&self, settings: &Settings) -> Result<Database> {
        let in_memory = self.location.starts_with(":memory:");
        let path = CString::new(if in_memory { ":memory:" } else { self.location.as_str() });
        let path = path.map_err(|_| Error::new(ErrorKind::Config, "the path of a DuckDB file has a NUL in it"))?;
        let settings = settings.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let database = Database::open(&path, settings).map_err(|message| open_error(&message, &self.location))?;
        register_function(&database.converter()?)?;
        Ok(database)
    }

    fn same(&self, known: &Settings, wanted: &Settings) -> Result<()> {
        let names = known.0.keys().chain(wanted.0.keys());
        let Some(name) = names.into_iter().find(|name| known.0.get(*name) != wanted.0.get(*name)) else { return Ok(()) };
        let message = format!("the DuckDB database is open in this process with another value of the setting `{name}`");
        let help = "give everything that uses the file the same settings, for example by cloning one `DuckDb`";
        Err(Error::new(ErrorKind::Config, message).with("location", &self.location).help(help))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl User {
    pub(super) fn location(&self) -> &str {
        &self.slot.location
    }

    pub(super) fn connect(&self) -> Result<::duckdb::Connection> {
        self.with(|database| database.connect().map_err(|error| sql_error(&error, self.location())))
    }

    pub(super) fn converter(&self) -> Result<Converter> {
        self.with(Database::converter)
    }

    fn with<T>(&self, f: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        match &self.slot.state().open {
            Some((database, _)) => f(database),
            None => Err(Error::new(ErrorKind::Internal, "a DuckDB database was closed while it was in use")),
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut state = self.slot.state();
        state.users -= 1;
        if state.users == 0 {
            // While the lock is held: see `join`.
            state.open = None;
        }
    }
}

/// One name for each file, whatever way to it was given.
fn canonical(path: &Path) -> Result<PathBuf> {
    let failed =
        |error: std::io::Error, what: String| Error::new(ErrorKind::Io, what).with("location", path.display()).source(error);
    match fs::canonicalize(path) {
        Ok(path) if path.is_dir() => {
            let message = format!("`{}` is a folder and not a DuckDB database", path.display());
            return Err(Error::new(ErrorKind::NotATable, message));
        }
        Ok(path) => return Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error, format!("cannot look at the DuckDB database `{}`", path.display()))),
    }
    if path.is_symlink() {
        let message = format!("`{}` is a link to a file that is not there", path.display());
        return Err(Error::new(ErrorKind::Io, message).help("name the file itself, or create the database first"));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::new(ErrorKind::Config, format!("`{}` is not a path of a file", path.display())));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let found = fs::canonicalize(folder).map_err(|error| {
        let message = format!("the folder of the DuckDB database `{}` is not there", path.display());
        failed(error, message).help(format!("create `{}`", folder.display()))
    })?;
    Ok(found.join(name))
}

/// Whether two paths are hard links to one file.
#[cfg(unix)]
fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

#[cfg(not(unix))]
fn same_file(_one: &Path, _other: &Path) -> bool {
    false
}
