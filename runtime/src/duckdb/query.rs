//! Queries as tables: read whole where they are asked for, or by a thread that keeps a few batches ahead of the reader.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use futures::stream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::session::{Failed, Session, bound};
use super::types::{check_readable, from_query, schema_of_query};
use super::value::SqlValue;
use crate::columns::FoundColumn;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::arrow::{ArrowTable, RecordBatchStream, columns_of, found_columns};
use crate::frame::ffi::duckdb::{batch_from_duckdb, schema_from_duckdb};
use crate::frame::{Preview, StoredRows, Table, TablePlan};
use crate::schema::Column;

/// How many batches the thread is ahead.
const AHEAD: usize = 8;

/// A query that has not been run. It keeps its connection.
pub(super) struct Query {
    session: Arc<Session>,
    sql: String,
    values: Vec<SqlValue>,
    schema: Option<SchemaRef>,
}

impl Query {
    pub(super) fn new(session: Arc<Session>, sql: String, values: Vec<SqlValue>) -> Self {
        Self { session, sql, values, schema: None }
    }

    /// Runs the query: `begun` gets the schema, and `next` each batch until it returns `false`.
    fn run(&self, begun: impl FnOnce(&SchemaRef), mut next: impl FnMut(RecordBatch) -> bool) -> Result<()> {
        self.run_sql(&self.sql, begun, &mut next)
    }

    fn run_sql(&self, sql: &str, begun: impl FnOnce(&SchemaRef), next: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
        let raw = self.session.raw()?;
        let run = || -> Result<(), Failed> {
            let mut statement = raw.prepare(sql)?;
            let values = bound(&statement, &self.values)?;
            let given = statement.stream_arrow(::duckdb::params_from_iter(values))?.get_schema();
            for (index, field) in given.fields().iter().enumerate() {
                check_readable(field.name(), &statement.column_logical_type(index))?;
            }
            let own = Arc::new(schema_from_duckdb(&given)?);
            let schema = Arc::new(schema_of_query(&own)?);
            begun(&schema);
            while let Some(array) = statement.step()? {
                let batch = batch_from_duckdb(&array.into(), &given, &own)?;
                if !next(as_read(&batch, &schema)?) {
                    return Ok(());
                }
            }
            Ok(())
        };
        run().map_err(|failed| self.session.error(failed))
    }

    fn schema(&mut self) -> Result<SchemaRef> {
        if let Some(schema) = &self.schema {
            return Ok(Arc::clone(schema));
        }
        let mut found = None;
        let sql = self.first(0);
        self.run_sql(&sql, |schema| found = Some(Arc::clone(schema)), &mut |_| true)?;
        let found = found.ok_or_else(|| Error::new(ErrorKind::Internal, "DuckDB ran a query without saying its columns"))?;
        Ok(Arc::clone(self.schema.insert(found)))
    }

    /// The query for its first rows. What it ends with may be a comment.
    fn first(&self, rows: usize) -> String {
        format!("SELECT * FROM ({}\n) LIMIT {rows}", self.sql.trim_end().trim_end_matches(';'))
    }

    fn collect(&self) -> Result<ArrowTable> {
        let (mut schema, mut batches) = (None, Vec::new());
        self.run(
            |found| schema = Some(Arc::clone(found)),
            |batch| {
                batches.push(batch);
                true
            },
        )?;
        let schema = schema.ok_or_else(|| Error::new(ErrorKind::Internal, "DuckDB ran a query without saying its columns"))?;
        Ok(ArrowTable::Batches { schema, batches })
    }

    /// The rows as they are made, by a thread of their own that has the connection until they are read or dropped.
    fn stream(self) -> Result<RecordBatchStream> {
        let (begun, schema) = sync_channel(1);
        let (sender, receiver) = channel(AHEAD);
        let thread = thread::Builder::new().name("lakewright-duckdb".into()).spawn(move || self.send(&begun, &sender));
        thread.map_err(|error| Error::new(ErrorKind::Io, "cannot start a thread for a DuckDB query").source(error))?;
        let schema = schema.recv().map_err(|_| Error::new(ErrorKind::Internal, "a DuckDB query ended without a word"))??;
        Ok(RecordBatchStream::new(schema, stream::try_unfold(receiver, next)))
    }

    /// Sends the schema, or why there is none, and then the rows. If nobody reads any more, nobody needs to know how it ended.
    fn send(&self, begun: &SyncSender<Result<SchemaRef>>, sender: &Sender<Message>) {
        let has_begun = Cell::new(false);
        let run = || {
            let first = |schema: &SchemaRef| {
                has_begun.set(true);
                drop(begun.send(Ok(Arc::clone(schema))));
            };
            self.run(first, |batch| sender.blocking_send(Message::Batch(batch)).is_ok())
        };
        let panicked = |_| Err(Error::new(ErrorKind::Panic, "panicked while rows of DuckDB were read"));
        match catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(panicked) {
            Ok(()) => drop(sender.blocking_send(Message::Finished)),
            Err(error) if has_begun.get() => drop(sender.blocking_send(Message::Failed(error))),
            Err(error) => drop(begun.send(Err(error))),
        }
    }
}

enum Message {
    Batch(RecordBatch),
    Failed(Error),
    Finished,
}

async fn next(mut receiver: Receiver<Message>) -> Result<Option<(RecordBatch, Receiver<Message>)>> {
    match receiver.recv().await {
        Some(Message::Batch(batch)) => Ok(Some((batch, receiver))),
        Some(Message::Failed(error)) => Err(error),
        Some(Message::Finished) => Ok(None),
        // A stream that just ended here would be taken for a whole table.
        None => Err(Error::new(ErrorKind::Internal, "DuckDB stopped reading without saying why")),
    }
}

fn as_read(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| from_query(array, field));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_>>()?, &options)?)
}

impl TablePlan for Query {
    fn name(&self) -> &'static str {
        "a query of DuckDB"
    }

    fn found_columns(&mut self) -> Result<Option<Vec<FoundColumn>>> {
        Ok(Some(found_columns(&*Query::schema(self)?, None)))
    }

    fn is_eager(&self) -> bool {
        false
    }

    fn schema(&mut self) -> Result<Vec<Column>> {
        Ok(columns_of(&*Query::schema(self)?))
    }

    fn materialize(self: Box<Self>) -> Result<Arc<dyn StoredRows>> {
        Box::new(self.collect()?).materialize()
    }

    fn preview(mut self: Box<Self>, rows: usize) -> Result<Preview> {
        self.sql = self.first(rows);
        Box::new(self.collect()?).preview(rows)
    }

    fn interchange(self: Box<Self>) -> Result<Table> {
        Ok(Table::new(ArrowTable::Stream(self.stream()?)))
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query({})", self.sql)
    }
}
