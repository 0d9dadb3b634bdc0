//! Polars tables as Arrow batches, and lazy plans as streams that a thread feeds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use polars::prelude::{CompatLevel, DataFrame, DataType as PolarsType, Engine, LazyFrame, PlanCallback, Schema as PolarsSchema};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::types::{cast_exactly, does_not_cross, field_for_arrow};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Table;
use crate::frame::arrow::{ArrowTable, RecordBatchStream};
use crate::frame::ffi::{array_to_arrow, field_to_arrow};
use crate::frame::polars::PolarsTable;

/// A Polars table as Arrow has it: batches if its rows are in memory, and else a stream.
pub(crate) fn interchange(table: PolarsTable) -> Result<Table> {
    Ok(Table::new(match table {
        PolarsTable::Eager(frame) => {
            let schema = Arc::new(schema_to_arrow(frame.schema())?);
            ArrowTable::Batches { batches: batches_of_frame(frame, &schema)?, schema }
        }
        PolarsTable::Lazy(mut plan) => {
            let schema = Arc::new(schema_to_arrow(&*plan.collect_schema()?)?);
            ArrowTable::Stream(RecordBatchStream::new(Arc::clone(&schema), batches_of_plan(*plan, schema)))
        }
    }))
}

/// The columns of a Polars table as Arrow has them.
pub(crate) fn schema_to_arrow(schema: &PolarsSchema) -> Result<Schema> {
    let field = |(name, data_type): (&polars::prelude::PlSmallStr, &PolarsType)| {
        let exported = data_type.to_arrow_field(name.clone(), CompatLevel::newest());
        let field = field_to_arrow(&exported);
        let field = field.map_err(|_| does_not_cross(name, data_type, "Arrow has no type for its values"))?;
        Ok(field_for_arrow(&field))
    };
    Ok(Schema::new(schema.iter().map(field).collect::<Result<Vec<_>>>()?))
}

/// The rows of a frame, a batch for each of its chunks; nothing is copied but the values of dictionaries.
pub(super) fn batches_of_frame(mut frame: DataFrame, schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
    frame.align_chunks_par();
    let Some(first) = frame.columns().first() else {
        return Ok(vec![batch(schema, Vec::new(), frame.height())?]);
    };
    let lengths: Vec<usize> = first.as_materialized_series().chunk_lengths().collect();
    let chunk = |(chunk, rows): (usize, usize)| {
        let array = |(column, field): (&polars::prelude::Column, &Arc<arrow::datatypes::Field>)| {
            let exported = column.as_materialized_series().to_arrow(chunk, CompatLevel::newest());
            let own = field_to_arrow(&polars_arrow::datatypes::Field::new("".into(), exported.dtype().clone(), true))?;
            cast_exactly(&array_to_arrow(exported, own.data_type())?, field.data_type())
        };
        let arrays = frame.columns().iter().zip(schema.fields()).map(array).collect::<Result<_>>()?;
        batch(schema, arrays, rows)
    };
    lengths.into_iter().enumerate().map(chunk).collect()
}

fn batch(schema: &SchemaRef, arrays: Vec<arrow::array::ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

/// The rows of a plan as they are computed, by Polars' streaming engine on a thread of its own.
///
/// The plan starts when the stream is first read and waits while it is not: a batch or two are ahead of the reader. Once the
/// stream is dropped, the plan stops at the next batch it makes.
pub(crate) fn batches_of_plan(plan: LazyFrame, schema: SchemaRef) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static {
    let frames = stream::try_unfold(Feed::Planned(Box::new(plan)), |feed| async move {
        let mut receiver = feed.start()?;
        match receiver.recv().await {
            Some(Message::Batch(frame)) => Ok(Some((frame, Feed::Running(receiver)))),
            Some(Message::Failed(error)) => Err(error),
            Some(Message::Finished) => Ok(None),
            // A stream that just ended here would be taken for a whole table.
            None => Err(Error::new(ErrorKind::Internal, "Polars stopped computing without saying why")),
        }
    });
    frames.map(move |frame: Result<_>| frame.and_then(|frame| batches(frame, &schema))).try_flatten()
}

fn batches(frame: DataFrame, schema: &SchemaRef) -> Result<impl Stream<Item = Result<RecordBatch>> + use<>> {
    Ok(stream::iter(batches_of_frame(frame, schema)?.into_iter().map(Ok)))
}

/// A plan on its way.
enum Feed {
    Planned(Box<LazyFrame>),
    Running(Receiver<Message>),
}

/// What the thread that computes a plan says.
enum Message {
    Batch(DataFrame),
    Failed(Error),
    Finished,
}

impl Feed {
    fn start(self) -> Result<Receiver<Message>> {
        let plan = match self {
            Self::Running(receiver) => return Ok(receiver),
            Self::Planned(plan) => plan,
        };
        let (sender, receiver) = channel(1);
        let thread = thread::Builder::new().name("lakewright-polars".into()).spawn(move || compute(*plan, &sender));
        thread.map_err(|error| Error::new(ErrorKind::Io, "cannot start a thread for a Polars plan").source(error))?;
        Ok(receiver)
    }
}

fn compute(plan: LazyFrame, sender: &Sender<Message>) {
    let batches = sender.clone();
    // Polars asks on its own pool for blocking calls whether to stop; it is to once nobody reads.
    let send = PlanCallback::new(move |frame| Ok(batches.blocking_send(Message::Batch(frame)).is_err()));
    let computed =
        catch_unwind(AssertUnwindSafe(|| plan.sink_batches(send, true, None)?.collect_with_engine(Engine::Streaming).map(drop)));
    let last = match computed {
        Ok(Ok(())) => Message::Finished,
        Ok(Err(error)) => Message::Failed(error.into()),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
            Message::Failed(Error::new(ErrorKind::Panic, format!("Polars panicked while it computed a plan: {text}")))
        }
    };
    // If nobody reads any more, nobody needs to know how it ended.
    drop(sender.blocking_send(last));
}
