//! A connection: SQL in, frames in and out, transactions.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::errors::has_committed;
use super::query::Query;
use super::session::Session;
use super::value::{FromSql, SqlValue};
use crate::error::{Error, Result};
use crate::frame::{Frame, Table};

/// A connection to a [`DuckDb`](super::DuckDb), for one statement at a time. All of its calls block.
///
/// Dropping it closes it, also where a body returns early or panics: what was not committed is rolled back, and temporary tables
/// and views are gone.
pub struct Connection {
    session: Arc<Session>,
}

impl Connection {
    pub(super) fn new(session: Session) -> Self {
        Self { session: Arc::new(session) }
    }

    /// Runs one statement or several, with `;` between them, and says how many rows the last one changed.
    ///
    /// # Errors
    /// What DuckDB says. A conflict with another transaction can be tried again.
    pub fn execute(&self, sql: &str) -> Result<u64> {
        self.session.execute(sql, &[])
    }

    /// Runs a statement with values for its `?`s; see [`SqlValue`].
    ///
    /// ```
    /// use lakewright::duckdb::DuckDb;
    ///
    /// let connection = DuckDb::in_memory().connection()?;
    /// connection.execute("CREATE TABLE flowers (name TEXT, petals BIGINT)")?;
    /// let changed = connection.execute_with("INSERT INTO flowers VALUES (?, ?), ('tulip', NULL)", ["iris".into(), 6.into()])?;
    /// assert_eq!(changed, 2);
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Connection::execute`]; also if there are more or fewer values than `?`s.
    pub fn execute_with(&self, sql: &str, values: impl IntoIterator<Item = SqlValue>) -> Result<u64> {
        self.session.execute(sql, &values.into_iter().collect::<Vec<_>>())
    }

    /// The rows of a query as any frame.
    ///
    /// A `DataFrame` or a `RecordBatch` is filled before this returns. What is not in memory is streamed: into the temporary file
    /// that a `LazyFrame` scans, and to whoever reads a `RecordBatchStream` or a DataFusion frame, for as long as which the
    /// connection can do nothing else.
    ///
    /// # Errors
    /// What DuckDB says, and if a column is of a type that the frame does not have.
    pub fn query<F: Frame>(&self, sql: &str) -> Result<F> {
        self.query_with(sql, [])
    }

    /// The rows of a query with values for its `?`s.
    ///
    /// # Errors
    /// As [`Connection::query`].
    pub fn query_with<F: Frame>(&self, sql: &str, values: impl IntoIterator<Item = SqlValue>) -> Result<F> {
        F::from_table(self.read(sql, values.into_iter().collect()))
    }

    /// The first column of the first row: a number, a text, or with `Option` perhaps nothing.
    ///
    /// ```
    /// use lakewright::duckdb::DuckDb;
    ///
    /// let connection = DuckDb::in_memory().connection()?;
    /// let total: i64 = connection.query_value("SELECT count(*) FROM range(10)", [])?;
    /// assert_eq!(total, 10);
    /// let nothing: Option<String> = connection.query_value("SELECT max(name) FROM (SELECT NULL::TEXT AS name)", [])?;
    /// assert_eq!(nothing, None);
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    ///
    /// # Errors
    /// What DuckDB says, and if there is no row or the value is not one of this type.
    pub fn query_value<T: FromSql>(&self, sql: &str, values: impl IntoIterator<Item = SqlValue>) -> Result<T> {
        T::from_sql(self.session.query_value(sql, &values.into_iter().collect::<Vec<_>>())?)
    }

    /// Makes a frame a temporary view of this name, which statements of this connection read: nothing is copied, and a plan is
    /// computed as it is read.
    ///
    /// Frames in memory and lazy Polars plans can be read any number of times, the latter computed anew each time; a stream and a
    /// DataFusion frame once.
    ///
    /// # Errors
    /// If a column is of a type that DuckDB does not have, or there are no columns.
    pub fn register(&self, name: &str, frame: impl Frame) -> Result<()> {
        self.ingest(name, frame.into_table())
    }

    /// Calls the closure in a transaction: committed if it returns `Ok`, rolled back if it returns an error or panics.
    ///
    /// # Errors
    /// What the closure returns, or what DuckDB says of the commit. A conflict with another transaction can be tried again.
    pub fn transaction<T, E: From<Error>>(&self, body: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        self.execute("BEGIN TRANSACTION")?;
        match catch_unwind(AssertUnwindSafe(|| body(self))) {
            Ok(Ok(value)) => {
                match self.execute("COMMIT") {
                    Ok(_) => Ok(value),
                    // Whoever took this for a failure would do it all a second time.
                    Err(error) if has_committed(&error) => {
                        let database = self.session.location();
                        tracing::warn!(%error, database, "the transaction is committed, and what follows a commit failed");
                        Ok(value)
                    }
                    Err(error) => {
                        self.session.roll_back();
                        Err(error.into())
                    }
                }
            }
            Ok(Err(error)) => {
                self.session.roll_back();
                Err(error)
            }
            Err(panic) => {
                self.session.roll_back();
                resume_unwind(panic)
            }
        }
    }

    /// As [`Connection::register`], for a table.
    pub(crate) fn ingest(&self, name: &str, table: Table) -> Result<()> {
        self.session.register(name, table)
    }

    /// The rows of a query as a table that has not been read; it keeps the connection open until it is.
    ///
    /// An open transaction stays open until then, so whatever is read is of its snapshot, and is rolled back after.
    pub(crate) fn read(&self, sql: &str, values: Vec<SqlValue>) -> Table {
        Table::new(Query::new(Arc::clone(&self.session), sql.to_owned(), values))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.session.location())
    }
}
