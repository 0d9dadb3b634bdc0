//! DataFusion: `DataFrame`s that are computed when they are stored.

#[cfg(feature = "polars")]
mod polars;
mod scan;

use std::fmt;
use std::sync::{Arc, OnceLock};

use datafusion::dataframe::DataFrame;
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::stream::{self, StreamExt, TryStreamExt};

#[cfg(feature = "polars")]
use self::polars::provider;
use self::scan::StreamOnce;
use super::arrow::{ArrowTable, RecordBatchStream, columns_of, found_columns};
use super::{Frame, Preview, StoredRows, Table, TablePlan};
use crate::columns::FoundColumn;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Column;

/// A DataFusion session with no tables in it: where SQL over the inputs of an asset is written.
///
/// All sessions of the process, and with them all frames that assets are handed, have one runtime and one configuration: one
/// pool of memory, one folder to spill to, one set of functions. So frames of different inputs join, whichever session reads
/// them. Tables that are registered in a session are seen in that one only.
///
/// ```
/// use lakewright::datafusion::dataframe::DataFrame;
/// use lakewright::frame::datafusion::session;
/// use lakewright::prelude::*;
///
/// #[asset(io_manager = "memory")]
/// async fn numbers() -> Result<DataFrame> {
///     Ok(session().sql("SELECT value AS number FROM generate_series(1, 3)").await?)
/// }
///
/// #[asset(io_manager = "memory")]
/// async fn total(numbers: DataFrame) -> Result<DataFrame> {
///     let session = session();
///     session.register_table("numbers", numbers.into_view())?;
///     Ok(session.sql("SELECT sum(number) AS total FROM numbers").await?)
/// }
/// ```
///
/// Two inputs are joined with a name for each, so that columns that both have can be told apart:
///
/// ```
/// use lakewright::datafusion::dataframe::DataFrame;
/// use lakewright::datafusion::prelude::{JoinType, col};
/// use lakewright::prelude::*;
///
/// fn with_names(readings: DataFrame, stations: DataFrame) -> Result<DataFrame> {
///     let joined = readings.alias("r")?.join(stations.alias("s")?, JoinType::Inner, &["station"], &["station"], None)?;
///     Ok(joined.select(vec![col("r.station"), col("r.celsius"), col("s.name")])?)
/// }
/// ```
#[must_use]
pub fn session() -> SessionContext {
    static RUNTIME: OnceLock<Arc<RuntimeEnv>> = OnceLock::new();
    let runtime = Arc::clone(RUNTIME.get_or_init(Arc::default));
    let state = SessionStateBuilder::new().with_config(SessionConfig::new()).with_runtime_env(runtime).with_default_features();
    SessionContext::new_with_state(state.build())
}

/// A table as DataFusion has it: a plan, nothing of which has been computed.
pub struct DataFusionTable(DataFrame);

impl DataFusionTable {
    /// The plan.
    #[must_use]
    pub fn into_inner(self) -> DataFrame {
        self.0
    }

    /// The rows as DataFusion computes them, once the stream is read.
    #[must_use]
    pub fn into_stream(self) -> RecordBatchStream {
        let schema = Arc::clone(self.0.schema().inner());
        let batches = stream::once(self.0.execute_stream()).try_flatten();
        RecordBatchStream::new(schema, batches.map(|batch| Ok(batch?)))
    }
}

impl TablePlan for DataFusionTable {
    fn name(&self) -> &'static str {
        "a DataFusion `DataFrame`"
    }

    fn found_columns(&mut self) -> Result<Option<Vec<FoundColumn>>> {
        Ok(Some(found_columns(self.0.schema().inner(), None)))
    }

    fn is_eager(&self) -> bool {
        false
    }

    fn schema(&mut self) -> Result<Vec<Column>> {
        Ok(columns_of(self.0.schema().inner()))
    }

    fn materialize(self: Box<Self>) -> Result<Arc<dyn StoredRows>> {
        Box::new(ArrowTable::Stream(self.into_stream())).materialize()
    }

    fn preview(self: Box<Self>, rows: usize) -> Result<Preview> {
        let first = Self(self.0.limit(0, Some(rows))?);
        Box::new(ArrowTable::Stream(first.into_stream())).preview(rows)
    }

    fn interchange(self: Box<Self>) -> Result<Table> {
        Ok(Table::new(ArrowTable::Stream(self.into_stream())))
    }
}

impl Table {
    /// The table as DataFusion has it, computing nothing.
    ///
    /// # Errors
    /// If it is made of something that does not convert, or has a column of a type that Arrow does not have.
    pub fn into_datafusion(self) -> Result<DataFusionTable> {
        let table = match self.try_downcast() {
            Ok(table) => return Ok(table),
            Err(other) => other,
        };
        Ok(DataFusionTable(session().read_table(provider(table)?)?))
    }
}

/// A plan; storing it computes it, a batch at a time.
///
/// Tables of Polars are scanned as the plan is computed, reading only the columns that it needs; a stream of batches is read as
/// the plan is computed, so a plan that reads it twice, such as a join with itself, is an error.
impl Frame for DataFrame {
    fn into_table(self) -> Table {
        Table::new(DataFusionTable(self))
    }

    fn from_table(table: Table) -> Result<Self> {
        Ok(table.into_datafusion()?.into_inner())
    }
}

/// A table of which Arrow has the rows as a table of DataFusion.
fn arrow_provider(table: Table) -> Result<Arc<dyn TableProvider>> {
    Ok(match table.into_arrow()? {
        ArrowTable::Batches { schema, batches } => Arc::new(MemTable::try_new(schema, vec![batches])?),
        ArrowTable::Stream(stream) => Arc::new(StreamOnce::new(stream)),
    })
}

#[cfg(not(feature = "polars"))]
fn provider(table: Table) -> Result<Arc<dyn TableProvider>> {
    arrow_provider(table)
}

impl fmt::Debug for DataFusionTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataFusionTable({} columns)", self.0.schema().fields().len())
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        let kind = match error.find_root() {
            // What came through DataFusion from here.
            DataFusionError::External(inner) if inner.is::<Error>() => return ours(error),
            DataFusionError::SchemaError(..) | DataFusionError::Plan(_) | DataFusionError::SQL(..) => ErrorKind::Schema,
            DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => ErrorKind::Io,
            DataFusionError::NotImplemented(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Value,
        };
        Error::new(kind, error.strip_backtrace()).source(error)
    }
}

/// The error of ours that DataFusion has wrapped, without the wrapping if nobody else has a hold of it.
fn ours(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(error) => *error,
            Err(inner) => Error::from(DataFusionError::Execution(inner.to_string())),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => ours(*inner),
        shared => {
            let kind = match shared.find_root() {
                DataFusionError::External(inner) => inner.downcast_ref::<Error>().map(Error::kind),
                _ => None,
            };
            Error::new(kind.unwrap_or(ErrorKind::Value), shared.strip_backtrace()).source(shared)
        }
    }
}
