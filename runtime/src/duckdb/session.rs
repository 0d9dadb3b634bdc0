//! What a connection and the streams of its rows share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use ::duckdb::Statement;
use ::duckdb::types::Value;

use super::errors::sql_error;
use super::owner::User;
use super::quote;
use super::source::FrameSource;
use super::value::SqlValue;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Table;
use crate::frame::ffi::duckdb::Registered;

/// An open connection. The fields are closed in their order: statements first, the database last.
pub(super) struct Session {
    raw: Mutex<::duckdb::Connection>,
    sources: Mutex<Vec<View>>,
    /// Whether its transaction failed and could not be ended, since rows of it were still being read.
    doomed: AtomicBool,
    user: Arc<User>,
}

/// A frame that statements read by a name.
struct View {
    name: String,
    /// Keeps it known to DuckDB.
    _registered: Registered,
    source: Arc<FrameSource>,
}

impl Session {
    pub(super) fn open(user: Arc<User>) -> Result<Self> {
        Ok(Self { raw: Mutex::new(user.connect()?), sources: Mutex::default(), doomed: AtomicBool::new(false), user })
    }

    pub(super) fn location(&self) -> &str {
        self.user.location()
    }

    /// The connection, for the next statement.
    pub(super) fn raw(&self) -> Result<MutexGuard<'_, ::duckdb::Connection>> {
        match self.raw.try_lock() {
            Ok(raw) => {
                // Whatever a frame said of a statement before is not about this one.
                drop(self.frame_failure());
                if self.doomed.swap(false, Ordering::AcqRel) {
                    // Nothing is left to end if there was none.
                    drop(raw.execute_batch("ROLLBACK"));
                }
                Ok(raw)
            }
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                let message = "the DuckDB connection is busy: rows of it are still being read";
                let help = "read or drop them first, or take another connection of the database";
                Err(Error::new(ErrorKind::Unsupported, message).with("location", self.location()).help(help))
            }
        }
    }

    /// Runs statements, the last one with values, and says how many rows that changed.
    pub(super) fn execute(&self, sql: &str, values: &[SqlValue]) -> Result<u64> {
        let raw = self.raw()?;
        let run = || -> Result<u64, Failed> {
            let mut statement = raw.prepare(sql)?;
            for (index, value) in bound(&statement, values)?.into_iter().enumerate() {
                statement.raw_bind_parameter(index + 1, value)?;
            }
            Ok(statement.raw_execute()? as u64)
        };
        run().map_err(|failed| self.error(failed))
    }

    /// The first value of the first row.
    pub(super) fn query_value(&self, sql: &str, values: &[SqlValue]) -> Result<SqlValue> {
        let raw = self.raw()?;
        let run = || -> Result<Option<Value>, Failed> {
            let mut statement = raw.prepare(sql)?;
            let values = bound(&statement, values)?;
            let mut rows = statement.query(::duckdb::params_from_iter(values))?;
            Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
        };
        let found = run().map_err(|failed| self.error(failed))?;
        let found = found.ok_or_else(|| Error::new(ErrorKind::Missing, "the query gave no row where one value was asked for"));
        SqlValue::found(found.map_err(|error| error.with("location", self.location()))?)
    }

    /// Makes a table a temporary view.
    pub(super) fn register(&self, name: &str, table: Table) -> Result<()> {
        let source = Arc::new(FrameSource::new(table)?);
        let registered = Registered::new(Arc::clone(&source) as _, self.user.converter()?);
        let sql = format!("CREATE OR REPLACE TEMPORARY VIEW {} AS SELECT * FROM {}", quote(name), registered.sql());
        self.execute(&sql, &[])?;
        let view = View { name: name.to_ascii_lowercase(), _registered: registered, source };
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        // What had the name before cannot be read any more.
        sources.retain(|known| known.name != view.name);
        sources.push(view);
        Ok(())
    }

    /// Ends a transaction that failed.
    pub(super) fn roll_back(&self) {
        // While rows of it are still being read, it cannot end; then it ends before the next statement.
        if self.execute("ROLLBACK", &[]).is_err() {
            self.doomed.store(true, Ordering::Release);
        }
    }

    /// Why a statement failed: what a frame said that it read, if one did.
    pub(super) fn error(&self, failed: Failed) -> Error {
        match (self.frame_failure(), failed) {
            (Some(error), _) | (None, Failed::Own(error)) => error,
            (None, Failed::Sql(error)) => sql_error(&error, self.location()),
        }
    }

    fn frame_failure(&self) -> Option<Error> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let failures: Vec<_> = sources.iter().filter_map(|view| view.source.take_failure()).collect();
        failures.into_iter().next()
    }
}

/// Why a statement failed.
pub(super) enum Failed {
    Sql(::duckdb::Error),
    Own(Error),
}

impl From<::duckdb::Error> for Failed {
    fn from(error: ::duckdb::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

/// The values for a statement, if it has as many parameters.
pub(super) fn bound(statement: &Statement<'_>, values: &[SqlValue]) -> Result<Vec<Value>, Failed> {
    let wanted = statement.parameter_count();
    if wanted != values.len() {
        let message = format!("the statement has {wanted} parameters and was given {} values", values.len());
        return Err(Error::new(ErrorKind::Value, message).into());
    }
    Ok(values.iter().map(SqlValue::bound).collect::<Result<_>>()?)
}
