//! A stream of record batches that knows its schema before the first batch.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use futures::stream::{self, BoxStream, Stream, StreamExt};
use tokio::runtime::Handle;

use crate::error::{Error, ErrorKind, Result};

/// Record batches as they are made, of a schema that is known before.
///
/// An asset that takes one reads its upstream a batch at a time, and an asset that returns one is stored a batch at a time: the
/// table is never whole in memory. It can be read once. An error ends it.
///
/// ```
/// use std::sync::Arc;
///
/// use lakewright::arrow::array::{Int64Array, RecordBatch};
/// use lakewright::arrow::datatypes::{DataType, Field, Schema};
/// use lakewright::frame::arrow::RecordBatchStream;
/// use lakewright::prelude::*;
///
/// #[asset(io_manager = "memory")]
/// fn numbers() -> RecordBatchStream {
///     let schema = Arc::new(Schema::new(vec![Field::new("number", DataType::Int64, false)]));
///     let of = Arc::clone(&schema);
///     let batches = (0..100).map(move |start| {
///         let numbers = Int64Array::from_iter_values(start * 1000..(start + 1) * 1000);
///         RecordBatch::try_new(Arc::clone(&of), vec![Arc::new(numbers)]).map_err(Into::into)
///     });
///     RecordBatchStream::from_batches(schema, batches)
/// }
///
/// assert_eq!(numbers().schema().field(0).name(), "number");
/// ```
pub struct RecordBatchStream {
    schema: SchemaRef,
    /// Gone once it has ended, so that what it holds is freed.
    batches: Option<BoxStream<'static, Result<RecordBatch>>>,
}

impl RecordBatchStream {
    /// A stream of batches of this schema.
    ///
    /// A batch of another schema is an error where it would be read; what fields are noted to be besides their types does not
    /// matter.
    pub fn new(schema: SchemaRef, batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static) -> Self {
        Self { schema, batches: Some(batches.boxed()) }
    }

    /// A stream of what an iterator gives, which is asked for the next batch when that is read.
    pub fn from_batches<I>(schema: SchemaRef, batches: I) -> Self
    where
        I: IntoIterator<Item = Result<RecordBatch>>,
        I::IntoIter: Send + 'static,
    {
        Self::new(schema, stream::iter(batches))
    }

    /// The schema of every batch.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The batches one by one, each waited for.
    ///
    /// For where blocking is allowed: a thread of `tokio::task::spawn_blocking`, which the body of an asset that is not `async`
    /// runs on.
    ///
    /// # Errors
    /// If there is no tokio runtime that the stream could run in.
    pub fn blocking_iter(mut self) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        let runtime = runtime()?;
        Ok(std::iter::from_fn(move || runtime.block_on(self.next())))
    }
}

/// The runtime that streams and plans are driven by from a thread that may block.
fn runtime() -> Result<Handle> {
    Handle::try_current().map_err(|error| {
        Error::new(ErrorKind::Internal, "a stream of batches was to be read outside of a tokio runtime")
            .help("read it in an asset, or in `tokio::task::spawn_blocking`")
            .source(error)
    })
}

impl Stream for RecordBatchStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(batches) = &mut self.batches else { return Poll::Ready(None) };
        let next = ready!(batches.poll_next_unpin(context));
        let next = next.map(|batch| batch.and_then(|batch| conform(batch, &self.schema)));
        if !matches!(next, Some(Ok(_))) {
            self.batches = None;
        }
        Poll::Ready(next)
    }
}

/// The batch with exactly this schema, if its columns are what the schema says.
pub(super) fn conform(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    super::check_same_columns(&super::columns_of(schema), &super::columns_of(batch.schema_ref()))?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)?)
}

/// What Polars notes beside a column that is an enum: its labels, by which it reads the column again.
const LABELS: [&str; 2] = ["_PL_ENUM_VALUES2", "_PL_ENUM_VALUES"];

/// The schema for the rows of both: the first, but a column whose labels differ is no enum, which would lack the other's.
///
/// Labels inside of lists and structs are part of the type, so there the columns are not the same to begin with.
pub(super) fn of_both(first: SchemaRef, other: &Schema) -> SchemaRef {
    let labels = |field: &Field| LABELS.map(|key| field.metadata().get(key).cloned());
    let differ = |index: usize, field: &Field| other.fields().get(index).is_some_and(|other| labels(field) != labels(other));
    if !first.fields().iter().enumerate().any(|(index, field)| differ(index, field)) {
        return first;
    }
    let field = |(index, field): (usize, &FieldRef)| {
        if !differ(index, field) {
            return Arc::clone(field);
        }
        let mut noted = field.metadata().clone();
        noted.retain(|key, _| !LABELS.contains(&key.as_str()));
        Arc::new(Field::clone(field).with_metadata(noted))
    };
    let fields: Vec<FieldRef> = first.fields().iter().enumerate().map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, first.metadata().clone()))
}

impl fmt::Debug for RecordBatchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.batches.is_some() { "" } else { ", ended" };
        write!(f, "RecordBatchStream({} columns{state})", self.schema.fields().len())
    }
}
