//! Tables of Polars as tables that DataFusion scans.

use std::fmt;
use std::sync::Arc;

use ::polars::prelude::{IdxSize, LazyFrame, PlSmallStr, col};
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::datasource::{TableProvider, TableType};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::stream::StreamExt;

use super::arrow_provider;
use super::scan::sendable;
use crate::error::Result;
use crate::frame::Table;
use crate::frame::arrow::RecordBatchStream;
use crate::frame::crossing::into_arrow::{batches_of_plan, schema_to_arrow};
use crate::frame::polars::PolarsTable;

/// A table as DataFusion scans one: a lazy plan of Polars is computed anew for each scan.
pub(super) fn provider(table: Table) -> Result<Arc<dyn TableProvider>> {
    match table.try_downcast() {
        Ok(PolarsTable::Lazy(mut plan)) => {
            let schema = Arc::new(schema_to_arrow(&*plan.collect_schema()?)?);
            Ok(Arc::new(PolarsScan { plan: *plan, schema }))
        }
        Ok(eager) => arrow_provider(Table::new(eager)),
        Err(other) => arrow_provider(other),
    }
}

/// A lazy plan of Polars as a table. Columns that are not needed and rows past a limit are left out of the plan, and so are not
/// read by it.
struct PolarsScan {
    plan: LazyFrame,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for PolarsScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        let mut plan = self.plan.clone();
        let mut schema = Arc::clone(&self.schema);
        // Rows without columns are counted on the first one.
        let counted: Option<Vec<usize>> = projection.filter(|wanted| wanted.is_empty()).map(|_| Vec::new());
        let read = if counted.is_some() { Some(vec![0]).filter(|_| !schema.fields().is_empty()) } else { projection.cloned() };
        if let Some(read) = read {
            schema = Arc::new(schema.project(&read)?);
            plan = plan.select(schema.fields().iter().map(|field| col(PlSmallStr::from_str(field.name()))).collect::<Vec<_>>());
        }
        if let Some(limit) = limit.and_then(|limit| IdxSize::try_from(limit).ok()) {
            plan = plan.limit(limit);
        }
        let part: Arc<dyn PartitionStream> = Arc::new(PolarsPart { plan, schema: Arc::clone(&schema) });
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![part], counted.as_ref(), None, false, limit)?))
    }
}

struct PolarsPart {
    plan: LazyFrame,
    schema: SchemaRef,
}

impl PartitionStream for PolarsPart {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = batches_of_plan(self.plan.clone(), Arc::clone(&self.schema));
        sendable(RecordBatchStream::new(Arc::clone(&self.schema), batches.boxed()))
    }
}

impl fmt::Debug for PolarsScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolarsScan({} columns)", self.schema.fields().len())
    }
}

/// The plan as Polars will compute it, so that `EXPLAIN` shows what is pushed into it.
impl fmt::Debug for PolarsPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plan.describe_optimized_plan().unwrap_or_else(|error| error.to_string()))
    }
}
