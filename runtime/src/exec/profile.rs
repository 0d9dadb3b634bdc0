//! What is recorded of the rows of an output beside their number, if somebody asks for it: the first few, and what each column is like.
//!
//! They are read back from the store, so that what is recorded is what is there, also of what was streamed into it.

use std::sync::Arc;

use super::step::StepRun;
use super::workshop::Store;
use crate::asset::{AssetSpec, ValueKind};
use crate::env::blocking;
use crate::error::Result;
use crate::frame::Table;
use crate::io::LoadRequest;
use crate::metadata::MetadataValue;
use crate::slice::Slice;
use crate::value::Value;

/// What of it is recorded.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Profiling {
    /// How many rows.
    pub(crate) sample: usize,
    /// Whether each column is looked through.
    pub(crate) statistics: bool,
}

impl StepRun<'_> {
    /// What there is to record of a slice that was just stored, in this version. That it cannot be read fails nobody: it is stored.
    pub(super) async fn profile(
        &self,
        asset: &AssetSpec,
        store: Store<'_>,
        slice: &Slice,
        version: Option<i64>,
    ) -> Vec<(String, MetadataValue)> {
        let Profiling { sample, statistics } = self.workshop.profiling;
        let mut found: Vec<(&str, Result<MetadataValue>)> = Vec::new();
        if asset.output.kind != ValueKind::Table || (sample == 0 && !statistics) {
            return Vec::new();
        }
        let version = version.filter(|_| store.io.capabilities().versions);
        if sample > 0 {
            found.push((
                "sample",
                Box::pin(self.of_rows(asset, store, slice, version, move |table| self::sample(table, sample))).await,
            ));
        }
        if statistics {
            found.push(("statistics", Box::pin(self.of_rows(asset, store, slice, version, self::statistics)).await));
        }
        let told = |(name, value): (&str, Result<MetadataValue>)| match value {
            Ok(value) => Some((name.to_owned(), value)),
            Err(error) => {
                tracing::warn!(asset = %asset.key, %error, "cannot record a {name} of what was stored");
                None
            }
        };
        found.into_iter().filter_map(told).collect()
    }

    async fn of_rows(
        &self,
        asset: &AssetSpec,
        store: Store<'_>,
        slice: &Slice,
        version: Option<i64>,
        what: impl FnOnce(Table) -> Result<MetadataValue> + Send + 'static,
    ) -> Result<MetadataValue> {
        let request = LoadRequest::new(asset, slice, Arc::clone(&self.workshop.env)).version(version);
        match store.io.load(request).await? {
            Some(Value::Table(table)) => blocking(&self.workshop.env, move || what(table)).await,
            _ => Ok(MetadataValue::Table { columns: Vec::new(), rows: Vec::new() }),
        }
    }
}

fn sample(table: Table, rows: usize) -> Result<MetadataValue> {
    let preview = table.preview(rows)?;
    Ok(MetadataValue::Table { columns: preview.columns.into_iter().map(|column| column.name).collect(), rows: preview.rows })
}

/// Of each column the nulls, the least and greatest value, and the mean of numbers; nothing where there is no such thing.
#[cfg(feature = "polars")]
fn statistics(table: Table) -> Result<MetadataValue> {
    use polars::prelude::{DataType, Expr, LazyFrame, col};

    use crate::frame::Frame;

    let mut plan = LazyFrame::from_table(table)?;
    let schema = plan.collect_schema()?;
    let ordered = |kind: &DataType| {
        kind.is_primitive_numeric() || kind.is_temporal() || kind.is_decimal() || kind.is_bool() || kind.is_string()
    };
    let mut wanted: Vec<Expr> = Vec::new();
    for (number, (name, kind)) in schema.iter().enumerate() {
        let of = || col(name.clone());
        wanted.push(of().null_count().alias(format!("{number} nulls")));
        if ordered(kind) {
            wanted.extend([of().min().alias(format!("{number} min")), of().max().alias(format!("{number} max"))]);
        }
        if kind.is_primitive_numeric() || kind.is_decimal() {
            wanted.push(of().mean().alias(format!("{number} mean")));
        }
    }
    let found = plan.select(wanted).collect()?;
    let cell = |number: usize, what: &str| {
        let value = found.column(&format!("{number} {what}")).and_then(|column| column.get(0)).ok();
        value.filter(|value| !value.is_null()).map(|value| value.str_value().into_owned()).unwrap_or_default()
    };
    let row = |(number, name): (usize, &polars::prelude::PlSmallStr)| {
        std::iter::once(name.to_string()).chain(["nulls", "min", "max", "mean"].map(|what| cell(number, what))).collect()
    };
    let rows = schema.iter_names().enumerate().map(row).collect();
    Ok(MetadataValue::Table { columns: ["column", "nulls", "min", "max", "mean"].map(str::to_owned).into(), rows })
}

#[cfg(not(feature = "polars"))]
fn statistics(_: Table) -> Result<MetadataValue> {
    use crate::error::{Error, ErrorKind};

    Err(Error::new(ErrorKind::Unsupported, "statistics of columns need the feature `polars`"))
}
