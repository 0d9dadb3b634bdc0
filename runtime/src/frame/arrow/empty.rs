//! The table that cannot be: batches without a first one, and so without a schema.

use std::sync::Arc;

use crate::columns::FoundColumn;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Preview, StoredRows, Table, TablePlan};
use crate::schema::Column;

/// What an empty vector of batches is as a table.
#[derive(Debug)]
pub(super) struct NoBatches;

impl NoBatches {
    fn error() -> Error {
        Error::new(ErrorKind::Schema, "an empty `Vec<RecordBatch>` has no columns that could be stored")
            .help("return a `RecordBatch` or a `RecordBatchStream`, which know their schema without rows")
    }
}

impl TablePlan for NoBatches {
    fn name(&self) -> &'static str {
        "an empty `Vec<RecordBatch>`"
    }

    fn found_columns(&mut self) -> Result<Option<Vec<FoundColumn>>> {
        Err(Self::error())
    }

    fn is_eager(&self) -> bool {
        true
    }

    fn schema(&mut self) -> Result<Vec<Column>> {
        Err(Self::error())
    }

    fn materialize(self: Box<Self>) -> Result<Arc<dyn StoredRows>> {
        Err(Self::error())
    }

    fn preview(self: Box<Self>, _rows: usize) -> Result<Preview> {
        Err(Self::error())
    }

    fn interchange(self: Box<Self>) -> Result<Table> {
        Err(Self::error())
    }
}
