//! Frames that DuckDB reads, as often as they can be read.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use futures::stream::StreamExt;
use tokio::runtime::Handle;

use super::types::{schema_for_duckdb, to_duckdb};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Table;
use crate::frame::arrow::{ArrowTable, RecordBatchStream};
use crate::frame::ffi::duckdb::{BatchSource, Scan};
use crate::frame::polars::PolarsTable;

/// A frame that DuckDB reads.
pub(super) struct FrameSource {
    /// The columns as DuckDB is handed them.
    handed: SchemaRef,
    rows: Rows,
    /// Where streams are driven.
    runtime: Option<Handle>,
    failure: Mutex<Option<Error>>,
}

enum Rows {
    Batches(Vec<RecordBatch>),
    /// Computed anew for each scan.
    Plan(Mutex<PolarsTable>),
    Once(Mutex<Option<RecordBatchStream>>),
}

impl FrameSource {
    pub(super) fn new(table: Table) -> Result<Self> {
        let (own, rows) = match table.try_downcast::<PolarsTable>() {
            Ok(PolarsTable::Lazy(plan)) => {
                let schema = Table::new(PolarsTable::Lazy(plan.clone())).into_arrow()?.schema();
                (schema, Rows::Plan(Mutex::new(PolarsTable::Lazy(plan))))
            }
            Ok(eager) => Self::rows(Table::new(eager).into_arrow()?),
            Err(other) => Self::rows(other.into_arrow()?),
        };
        let handed = Arc::new(schema_for_duckdb(&own)?);
        Ok(Self { handed, rows, runtime: Handle::try_current().ok(), failure: Mutex::default() })
    }

    fn rows(table: ArrowTable) -> (SchemaRef, Rows) {
        match table {
            ArrowTable::Batches { schema, batches } => (schema, Rows::Batches(batches)),
            ArrowTable::Stream(stream) => (stream.schema(), Rows::Once(Mutex::new(Some(stream)))),
        }
    }

    /// Why a scan failed, if one did since this was asked.
    pub(super) fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn stream(&self) -> Result<Option<RecordBatchStream>> {
        match &self.rows {
            Rows::Batches(_) => Ok(None),
            Rows::Plan(plan) => {
                let plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
                let PolarsTable::Lazy(plan) = &*plan else { return Ok(None) };
                Ok(Some(Table::new(PolarsTable::Lazy(plan.clone())).into_arrow()?.into_stream()))
            }
            Rows::Once(stream) => {
                let taken = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                let read_twice = || {
                    Error::new(ErrorKind::Unsupported, "a frame that is a stream was to be read twice by DuckDB").help(
                        "read it into a table of DuckDB first (`CREATE TEMP TABLE … AS FROM …`), or register a frame in memory",
                    )
                };
                taken.map(Some).ok_or_else(read_twice)
            }
        }
    }
}

fn no_runtime() -> Error {
    Error::new(ErrorKind::Internal, "a stream was to be read by DuckDB outside of a tokio runtime")
        .help("register it in an asset, or in `tokio::task::spawn_blocking`")
}

impl BatchSource for FrameSource {
    fn schema(&self) -> &Schema {
        &self.handed
    }

    fn scan(&self) -> Result<Scan> {
        let handed = Arc::clone(&self.handed);
        let converted = move |batch: Result<RecordBatch>| {
            let batch = batch?;
            let arrays = batch.columns().iter().zip(handed.fields()).map(|(array, field)| to_duckdb(array, field));
            let arrays = arrays.collect::<Result<_>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&handed), arrays, &options)?)
        };
        if let Some(mut stream) = self.stream()? {
            // DuckDB reads on threads of its own.
            let runtime = self.runtime.clone().ok_or_else(no_runtime)?;
            return Ok(Box::new(std::iter::from_fn(move || runtime.block_on(stream.next())).map(converted)));
        }
        let Rows::Batches(batches) = &self.rows else {
            return Err(Error::new(ErrorKind::Internal, "a frame for DuckDB has no rows to read"));
        };
        Ok(Box::new(batches.clone().into_iter().map(Ok).map(converted)))
    }

    fn failed(&self, error: Error) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

impl fmt::Debug for FrameSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameSource({} columns)", self.handed.fields().len())
    }
}
