//! Streams of batches as tables that DataFusion scans.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::datasource::{TableProvider, TableType};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::stream::{self, TryStreamExt};

use crate::error::{Error, ErrorKind};
use crate::frame::arrow::RecordBatchStream;

/// A stream as a table. It can be scanned once.
#[derive(Debug)]
pub(super) struct StreamOnce {
    part: Arc<OncePart>,
}

impl StreamOnce {
    pub(super) fn new(stream: RecordBatchStream) -> Self {
        Self { part: Arc::new(OncePart { schema: stream.schema(), stream: Mutex::new(Some(stream)) }) }
    }
}

#[async_trait]
impl TableProvider for StreamOnce {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.part.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let part: Arc<dyn PartitionStream> = Arc::clone(&self.part) as _;
        Ok(Arc::new(StreamingTableExec::try_new(self.schema(), vec![part], projection, None, false, limit)?))
    }
}

struct OncePart {
    schema: SchemaRef,
    stream: Mutex<Option<RecordBatchStream>>,
}

impl PartitionStream for OncePart {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let taken = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        let read_twice = || {
            Error::new(ErrorKind::Unsupported, "the plan reads an input twice that is a stream, which can be read once")
                .help("`cache()` the frame of that input first, or store it where a table can be scanned")
        };
        match taken {
            Some(stream) => sendable(stream),
            None => sendable(RecordBatchStream::new(Arc::clone(&self.schema), stream::once(async move { Err(read_twice()) }))),
        }
    }
}

impl fmt::Debug for OncePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stream of batches")
    }
}

/// The stream as DataFusion takes one.
pub(super) fn sendable(stream: RecordBatchStream) -> SendableRecordBatchStream {
    let schema = stream.schema();
    Box::pin(RecordBatchStreamAdapter::new(schema, stream.map_err(|error| DataFusionError::External(error.into()))))
}
