//! Arrow: record batches, and streams of them.

mod batches;
mod empty;
mod found;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::stream::{self, StreamExt};

pub use batches::RecordBatchStream;
pub(crate) use found::found_columns;

use self::empty::NoBatches;
use super::{EmptyTable, Frame, Preview, StoredRows, Table, TablePlan, check_columns, check_same_columns};
use crate::columns::FoundColumn;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Column;

/// A table as Arrow has it.
pub enum ArrowTable {
    /// Rows in memory.
    Batches {
        /// What every batch is of.
        schema: SchemaRef,
        /// The rows, in order.
        batches: Vec<RecordBatch>,
    },
    /// Rows as they are made.
    Stream(RecordBatchStream),
}

impl ArrowTable {
    /// What every batch is of.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        match self {
            Self::Batches { schema, .. } => Arc::clone(schema),
            Self::Stream(stream) => stream.schema(),
        }
    }

    /// The table as a stream; costs nothing.
    #[must_use]
    pub fn into_stream(self) -> RecordBatchStream {
        match self {
            Self::Batches { schema, batches } => RecordBatchStream::from_batches(schema, batches.into_iter().map(Ok)),
            Self::Stream(stream) => stream,
        }
    }

    /// The table in memory. Blocks while a stream is read.
    ///
    /// # Errors
    /// If a stream fails, or there is no tokio runtime to read it in.
    pub fn into_batches(self) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        match self {
            Self::Batches { schema, batches } => Ok((schema, batches)),
            Self::Stream(stream) => Ok((stream.schema(), stream.blocking_iter()?.collect::<Result<_>>()?)),
        }
    }
}

impl TablePlan for ArrowTable {
    fn name(&self) -> &'static str {
        match self {
            Self::Batches { .. } => "Arrow `RecordBatch`es",
            Self::Stream(_) => "a stream of Arrow `RecordBatch`es",
        }
    }

    fn found_columns(&mut self) -> Result<Option<Vec<FoundColumn>>> {
        Ok(Some(match self {
            Self::Batches { schema, batches } => found_columns(schema, Some(batches)),
            Self::Stream(stream) => found_columns(&stream.schema(), None),
        }))
    }

    fn is_eager(&self) -> bool {
        matches!(self, Self::Batches { .. })
    }

    fn schema(&mut self) -> Result<Vec<Column>> {
        Ok(columns_of(&ArrowTable::schema(self)))
    }

    fn materialize(self: Box<Self>) -> Result<Arc<dyn StoredRows>> {
        let (schema, batches) = self.into_batches()?;
        Ok(Arc::new(StoredBatches { schema, batches }))
    }

    fn preview(self: Box<Self>, rows: usize) -> Result<Preview> {
        let schema = ArrowTable::schema(&self);
        let mut first = Preview { columns: columns_of(&schema), rows: Vec::new() };
        match *self {
            Self::Batches { batches, .. } => first.fill(batches.into_iter().map(Ok), rows)?,
            Self::Stream(stream) => first.fill(stream.blocking_iter()?, rows)?,
        }
        Ok(first)
    }

    fn interchange(self: Box<Self>) -> Result<Table> {
        Ok(Table::new(*self))
    }

    fn concat(self: Box<Self>, others: Vec<Table>) -> Result<Table> {
        let mut schema = ArrowTable::schema(&self);
        let mut tables = vec![*self];
        for other in others {
            let other = other.into_arrow()?;
            check_same_columns(&columns_of(&schema), &columns_of(&other.schema()))?;
            schema = batches::of_both(schema, &other.schema());
            tables.push(other);
        }
        if !tables.iter().all(TablePlan::is_eager) {
            let streams = stream::iter(tables).map(ArrowTable::into_stream).flatten();
            return Ok(Table::new(Self::Stream(RecordBatchStream::new(schema, streams))));
        }
        let mut batches = Vec::new();
        for table in tables {
            let (_, next) = table.into_batches()?;
            batches.extend(next.into_iter().map(|batch| batches::conform(batch, &schema)).collect::<Result<Vec<_>>>()?);
        }
        Ok(Table::new(Self::Batches { schema, batches }))
    }
}

impl Preview {
    fn fill(&mut self, batches: impl Iterator<Item = Result<RecordBatch>>, rows: usize) -> Result<()> {
        let mut batches = batches;
        let format = FormatOptions::default().with_null("null");
        while self.rows.len() < rows
            && let Some(batch) = batches.next().transpose()?
        {
            let cells = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &format));
            let cells = cells.collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows().min(rows - self.rows.len()) {
                let texts = cells.iter().map(|cell| cell.value(row).try_to_string());
                self.rows.push(texts.collect::<Result<_, _>>()?);
            }
        }
        Ok(())
    }
}

/// Batches that can be handed out any number of times.
struct StoredBatches {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl StoredRows for StoredBatches {
    fn table(&self, columns: Option<&[String]>) -> Result<Table> {
        let Some(columns) = columns else {
            return Ok(Table::new(ArrowTable::Batches { schema: Arc::clone(&self.schema), batches: self.batches.clone() }));
        };
        check_columns(columns, self.schema.fields().iter().map(|field| field.name().as_str()))?;
        let indices = columns.iter().map(|name| self.schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
        let schema = Arc::new(self.schema.project(&indices)?);
        let batches = self.batches.iter().map(|batch| batch.project(&indices)).collect::<Result<_, _>>()?;
        Ok(Table::new(ArrowTable::Batches { schema, batches }))
    }

    fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }

    fn bytes(&self) -> u64 {
        self.batches.iter().map(|batch| batch.get_array_memory_size() as u64).sum()
    }

    fn columns(&self) -> Vec<Column> {
        columns_of(&self.schema)
    }
}

/// The columns of an Arrow schema, with the types as Arrow writes them.
pub(crate) fn columns_of(schema: &Schema) -> Vec<Column> {
    schema.fields().iter().map(|field| Column::new(field.name(), field.data_type().to_string())).collect()
}

impl Table {
    /// The table as Arrow has it, computing nothing: the rows of a lazy plan are a stream.
    ///
    /// # Errors
    /// If it is made of something that does not convert, or has a column of a type that Arrow does not have.
    pub fn into_arrow(self) -> Result<ArrowTable> {
        match self.try_downcast() {
            Ok(table) => Ok(table),
            Err(other) if other.is::<EmptyTable>() => {
                Ok(ArrowTable::Batches { schema: Arc::new(Schema::empty()), batches: Vec::new() })
            }
            Err(other) => other.interchange()?.downcast(),
        }
    }

    /// The table as Arrow batches in memory. Blocks while a plan is computed or a stream read.
    fn into_batches(self) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        match self.try_downcast::<ArrowTable>() {
            Ok(table) => table.into_batches(),
            // What is computed whole needs no stream in between, and so no runtime.
            Err(other) if !other.is_eager() => other.materialize()?.table(None)?.into_arrow()?.into_batches(),
            Err(other) => other.into_arrow()?.into_batches(),
        }
    }
}

/// One batch; all rows are loaded into one.
///
/// ```
/// use std::sync::Arc;
///
/// use lakewright::arrow::array::{ArrayRef, Int64Array, RecordBatch};
/// use lakewright::prelude::*;
///
/// #[asset(io_manager = "memory")]
/// fn numbers() -> Result<RecordBatch> {
///     let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
///     Ok(RecordBatch::try_from_iter([("number", column)])?)
/// }
///
/// #[asset(io_manager = "memory")]
/// fn first_two(numbers: RecordBatch) -> RecordBatch {
///     numbers.slice(0, 2)
/// }
///
/// assert_eq!(first_two(numbers()?).num_rows(), 2);
/// # Ok::<(), lakewright::Error>(())
/// ```
impl Frame for RecordBatch {
    fn into_table(self) -> Table {
        Table::new(ArrowTable::Batches { schema: self.schema(), batches: vec![self] })
    }

    fn from_table(table: Table) -> Result<Self> {
        let (schema, mut batches) = table.into_batches()?;
        if batches.len() == 1 { Ok(batches.swap_remove(0)) } else { Ok(concat_batches(&schema, &batches)?) }
    }
}

/// Batches as they come. An empty vector says nothing about its columns, so it cannot be stored: return a [`RecordBatch`] or a
/// [`RecordBatchStream`], which know them.
impl Frame for Vec<RecordBatch> {
    fn into_table(self) -> Table {
        let Some(first) = self.first() else { return Table::new(NoBatches) };
        let schema = first.schema();
        // A batch of another schema is an error for whoever reads the table, as in a stream.
        if self.iter().all(|batch| batch.schema_ref() == &schema) {
            return Table::new(ArrowTable::Batches { schema, batches: self });
        }
        let schema = self.iter().fold(schema, |schema, batch| batches::of_both(schema, batch.schema_ref()));
        RecordBatchStream::from_batches(schema, self.into_iter().map(Ok)).into_table()
    }

    fn from_table(table: Table) -> Result<Self> {
        Ok(table.into_batches()?.1)
    }
}

impl Frame for RecordBatchStream {
    fn into_table(self) -> Table {
        Table::new(ArrowTable::Stream(self))
    }

    fn from_table(table: Table) -> Result<Self> {
        Ok(table.into_arrow()?.into_stream())
    }
}

impl fmt::Debug for ArrowTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batches { schema, batches } => {
                write!(f, "Batches({} batches, {} columns)", batches.len(), schema.fields().len())
            }
            Self::Stream(stream) => stream.fmt(f),
        }
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        let error = match error {
            // What came through Arrow from here.
            ArrowError::ExternalError(inner) => match inner.downcast::<Error>() {
                Ok(error) => return *error,
                Err(inner) => ArrowError::ExternalError(inner),
            },
            other => other,
        };
        let kind = match &error {
            ArrowError::SchemaError(_) => ErrorKind::Schema,
            ArrowError::IoError(..) | ArrowError::IpcError(_) => ErrorKind::Io,
            _ => ErrorKind::Value,
        };
        Error::new(kind, error.to_string()).source(error)
    }
}
