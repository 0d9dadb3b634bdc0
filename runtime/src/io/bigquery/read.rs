//! Reading: a query with its values bound, whose rows come page by page as Arrow batches, never all of them at once.

use std::sync::Arc;

use futures::stream;

use super::client::Client;
use super::jobs::{Job, Page};
use super::predicate::Predicate;
use super::rows;
use super::schema::Def;
use super::sql::{Sql, quoted_list};
use super::table::{Place, Table};
use crate::env::Env;
use crate::error::Result;
use crate::frame::Frame;
use crate::frame::Table as Rows;
use crate::frame::arrow::RecordBatchStream;
use crate::frame::polars::check_columns;

/// How many rows are asked for at once; BigQuery ends a page at 10 MB anyway.
const PAGE: usize = 50_000;

/// What a query gives, and whether that is any row.
pub(super) struct Found {
    pub(super) rows: Rows,
    pub(super) any: bool,
}

/// The rows of a table, or of some of its partitions in the order of keys.
pub(super) async fn read(
    client: &Client,
    env: &Arc<dyn Env>,
    place: &Place,
    table: &Table,
    columns: Option<&[String]>,
    predicate: Option<&Predicate>,
    several: bool,
) -> Result<Found> {
    let defs: Vec<Def> = match columns {
        None => table.defs.clone(),
        Some(columns) => {
            check_columns(columns, table.defs.iter().map(|def| def.name.as_str()))?;
            let def = |name: &String| table.defs.iter().find(|def| def.name == *name).cloned();
            columns.iter().filter_map(def).collect()
        }
    };
    let schema = rows::schema(&defs)?;
    let selected = if defs.is_empty() { "NULL".to_owned() } else { quoted_list(defs.iter().map(|def| def.name.as_str())) };
    let mut sql = Sql::text(format!("SELECT {selected} FROM {}", place.sql()));
    if let Some(predicate) = predicate {
        sql = sql.and(" WHERE ").then(predicate.sql()?);
        if several {
            sql = sql.and(" ORDER BY ").then(predicate.order()?);
        }
    }
    let failed = |refusal: super::client::Refusal| refusal.error("read", &place.to_string());
    let job = client.query(env.as_ref(), &sql).await?.map_err(failed)?;
    let first = client.page(env.as_ref(), &job, None, PAGE).await?.map_err(failed)?;
    let any = !first.rows.is_empty() || first.next.is_some();
    let reading = Reading { client: client.clone(), env: Arc::clone(env), place: place.clone(), defs, job, next: Some(first) };
    let batch_schema = Arc::clone(&schema);
    let batches = stream::try_unfold(reading, move |reading| reading.next_batch(Arc::clone(&batch_schema)));
    Ok(Found { rows: RecordBatchStream::new(schema, batches).into_table(), any })
}

/// A query of which some pages have been read.
struct Reading {
    client: Client,
    env: Arc<dyn Env>,
    place: Place,
    defs: Vec<Def>,
    job: Job,
    next: Option<Page>,
}

impl Reading {
    async fn next_batch(mut self, schema: arrow::datatypes::SchemaRef) -> Result<Option<(arrow::array::RecordBatch, Self)>> {
        let Some(page) = self.next.take() else { return Ok(None) };
        let batch = rows::batch(&self.defs, &schema, &page.rows)?;
        if let Some(token) = &page.next {
            let next = self.client.page(self.env.as_ref(), &self.job, Some(token), PAGE).await?;
            self.next = Some(next.map_err(|refusal| refusal.error("read", &self.place.to_string()))?);
        }
        Ok(Some((batch, self)))
    }
}
