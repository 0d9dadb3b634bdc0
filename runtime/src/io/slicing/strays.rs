//! Rows that do not belong to what is written: counted while they pass, refused when all have.

use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{Column, PlSmallStr, PolarsResult};

use crate::error::{Error, ErrorKind, Result};
use crate::partition::KeySet;

/// What was seen of rows that do not belong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strays {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    /// Each column of the first with its value, and whether the value is null.
    first: Vec<(String, Option<String>)>,
}

impl Strays {
    /// Takes a struct of whether rows belong and of the columns that say so; hands back the former.
    pub(super) fn watch(&self, column: &Column, names: &[PlSmallStr]) -> PolarsResult<Column> {
        let fields = column.struct_()?.fields_as_series();
        let belongs = fields[0].bool()?;
        let strays = belongs.len() - belongs.sum().unwrap_or_default() as usize;
        if strays > 0 {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.count += strays as u64;
            let first = belongs.iter().position(|belongs| belongs != Some(true));
            if let (true, Some(row)) = (seen.first.is_empty(), first) {
                for (name, values) in names.iter().zip(&fields[1..]) {
                    let value = values.get(row)?;
                    let text = if value.is_null() { None } else { Some(value.str_value().into_owned()) };
                    seen.first.push((name.to_string(), text));
                }
            }
        }
        Ok(polars::prelude::IntoColumn::into_column(fields[0].clone().with_name(column.name().clone())))
    }

    /// Refuses if there was any.
    pub(crate) fn check(&self, keys: &KeySet) -> Result<()> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.count == 0 {
            return Ok(());
        }
        let value = |(name, value): &(String, Option<String>)| match value {
            Some(value) => format!("`{name}` is `{value}`"),
            None => format!("`{name}` is null"),
        };
        let first = seen.first.iter().map(value).collect::<Vec<_>>().join(" and ");
        let rows = match seen.count {
            1 => "1 row of the output does not".to_owned(),
            count => format!("{count} rows of the output do not"),
        };
        let mut names: Vec<String> = keys.keys().take(3).map(|key| format!("`{key}`")).collect();
        if keys.len() > 3 {
            names.push("…".to_owned());
        }
        let partitions = if keys.len() == 1 { "partition" } else { "partitions" };
        let message = format!("{rows} belong to the {partitions} {}: {first} in the first of them", names.join(", "));
        let help = "return only rows of the partition that is made, for example by a filter on its key";
        Err(Error::new(ErrorKind::StrayRows, message).help(help))
    }
}
