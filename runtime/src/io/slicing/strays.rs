//! Rows that do not belong to what is written: counted while they pass, refused when all have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use polars::prelude::{Column, DataFrame, LazyFrame, PolarsResult};

use super::Slicer;
use crate::error::{Error, ErrorKind, Result};

/// How many rows were seen that do not belong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strays {
    count: Arc<AtomicU64>,
}

impl Strays {
    /// Takes whether rows belong, and hands it back.
    pub(super) fn watch(&self, belongs: Column) -> PolarsResult<Column> {
        let kept = u64::from(belongs.bool()?.sum().unwrap_or_default());
        self.count.fetch_add(belongs.len() as u64 - kept, Ordering::Relaxed);
        Ok(belongs)
    }

    /// Refuses if there was any. Parts of a plan are computed side by side, so which row is the first takes another look at the plan,
    /// which only a mistake pays for.
    pub(crate) fn check(&self, slicer: &Slicer, plan: LazyFrame) -> Result<()> {
        let rows = match self.count.load(Ordering::Relaxed) {
            0 => return Ok(()),
            1 => "1 row of the output does not".to_owned(),
            count => format!("{count} rows of the output do not"),
        };
        let keys = slicer.keys();
        let mut names: Vec<String> = keys.keys().take(3).map(|key| format!("`{key}`")).collect();
        if keys.len() > 3 {
            names.push("…".to_owned());
        }
        let partitions = if keys.len() == 1 { "partition" } else { "partitions" };
        let mut message = format!("{rows} belong to the {partitions} {}", names.join(", "));
        // A plan that gives other rows each time has no first one.
        if let Some(first) = slicer.first_stray(plan)? {
            message = format!("{message}: {} in the first of them", values(&first)?);
        }
        let help = "return only rows of the partition that is made, for example by a filter on its key";
        Err(Error::new(ErrorKind::StrayRows, message).help(help))
    }
}

/// The values of the first row.
fn values(frame: &DataFrame) -> Result<String> {
    let value = |column: &Column| {
        let value = column.get(0)?;
        Ok(if value.is_null() {
            format!("`{}` is null", column.name())
        } else {
            format!("`{}` is `{}`", column.name(), value.str_value())
        })
    };
    Ok(frame.columns().iter().map(value).collect::<Result<Vec<_>>>()?.join(" and "))
}
