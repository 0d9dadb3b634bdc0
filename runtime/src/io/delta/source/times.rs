//! Times that a data file has and Polars does not give back.
//!
//! Spark writes times as INT96 unless it is told otherwise. Polars reads those as nanoseconds, which begin in 1677 and end in
//! 2262, and makes their last of whatever is outside, without an error. So statistics say in which files that may happen, and
//! there a column is looked at before anything is done with it: a predicate further down would leave rows out by values that
//! they do not have.

use std::sync::{Arc, OnceLock};

use polars::prelude::{Column, DataType, Expr, Int64Chunked, LazyFrame, PlSmallStr, PolarsResult, Series, TimeUnit, col};
use serde_json::Value as Json;

use super::super::{schema, stats};
use super::DataFile;
use crate::error::{Error, ErrorKind, Result};
use crate::io::storage::Storage;

/// The first day that nanoseconds hold all of, 1677-09-22, in microseconds.
const FIRST: i64 = -9_223_286_400_000_000;
/// The last nanosecond, in microseconds.
const LAST: i64 = i64::MAX / 1_000;

/// Whether there are times in values of a type.
pub(super) fn has_times(data_type: &DataType) -> bool {
    has(data_type, |inner| matches!(inner, DataType::Datetime(..)))
}

fn has(data_type: &DataType, wanted: fn(&DataType) -> bool) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| has(field.dtype(), wanted)),
        DataType::List(inner) => has(inner, wanted),
        other => wanted(other),
    }
}

/// Whether a column of this type may have times that nanoseconds do not hold, in a file with these statistics.
pub(super) fn are_doubtful(data_type: &DataType, column: &str, stats: &Json) -> bool {
    let said = ["minValues", "maxValues", "nullCount"].map(|what| &stats[what][column]);
    let rows = &stats["numRecords"];
    *rows != 0 && may_be_outside(data_type, said, rows)
}

fn may_be_outside(data_type: &DataType, said: [&Json; 3], rows: &Json) -> bool {
    match data_type {
        DataType::Datetime(..) => {
            let [least, greatest, nulls] = said;
            let at = |bound: &Json| bound.as_str().and_then(schema::partition_microseconds);
            let inside = at(least).is_some_and(|at| at >= FIRST) && at(greatest).is_some_and(|at| at <= LAST);
            let all_null = rows.is_u64() && nulls == rows;
            !(inside || all_null)
        }
        DataType::Struct(fields) => {
            fields.iter().any(|field| may_be_outside(field.dtype(), said.map(|said| &said[field.name().as_str()]), rows))
        }
        // There are no statistics of what is in lists.
        other => has_times(other),
    }
}

/// A plan that fails where one of these columns has a time that its file has as another.
pub(super) fn checked(plan: LazyFrame, columns: &[PlSmallStr], table: &Storage, files: &[DataFile]) -> LazyFrame {
    if columns.is_empty() {
        return plan;
    }
    let names = files.iter().map(|file| file.name.clone()).collect();
    let scanned = Arc::new(Scanned { table: table.clone(), files: names, int96: OnceLock::new() });
    let checked = columns.iter().map(|name| {
        let scanned = Arc::clone(&scanned);
        col(name.clone()).map(move |column| scanned.check(column), |_, field| Ok(field.clone()))
    });
    plan.with_columns(checked.collect::<Vec<Expr>>())
}

/// The files of a scan.
struct Scanned {
    table: Storage,
    files: Vec<String>,
    /// Whether there is INT96 in any of them, once somebody had to know.
    int96: OnceLock<bool>,
}

impl Scanned {
    /// Takes a column, and hands it back.
    fn check(&self, column: Column) -> PolarsResult<Column> {
        if has_last(column.as_materialized_series())? {
            self.refuse_int96(column.name()).map_err(std::io::Error::other)?;
        }
        Ok(column)
    }

    /// Refuses the last nanosecond where it may stand for another time. Elsewhere it is one like any other, the last of pandas.
    fn refuse_int96(&self, column: &str) -> Result<()> {
        let int96 = if let Some(known) = self.int96.get() {
            *known
        } else {
            let found = self.find_int96()?;
            // Whoever asked at the same time has found the same.
            *self.int96.get_or_init(|| found)
        };
        if !int96 {
            return Ok(());
        }
        let message = format!(
            "the column `{column}` has a time before 1677-09-22 or after 2262-04-11, and as INT96 only those between are read"
        );
        let help = "write the table again with `spark.sql.parquet.outputTimestampType = TIMESTAMP_MICROS`";
        Err(Error::new(ErrorKind::Unsupported, message).with("location", &self.table).help(help))
    }

    fn find_int96(&self) -> Result<bool> {
        for file in &self.files {
            let types = stats::types_of_file(&self.table, file)?;
            // The protocol has no nanoseconds, so that these are INT96.
            if types.iter().any(|found| has(found, |inner| matches!(inner, DataType::Datetime(TimeUnit::Nanoseconds, _)))) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether the last nanosecond is among these times, or inside of these values.
fn has_last(values: &Series) -> PolarsResult<bool> {
    Ok(match values.dtype() {
        DataType::Datetime(..) => {
            let microseconds: &Int64Chunked = values.datetime()?.physical();
            microseconds.iter().flatten().any(|at| at == LAST)
        }
        DataType::Struct(_) => {
            for field in values.struct_()?.fields_as_series() {
                if has_last(&field)? {
                    return Ok(true);
                }
            }
            false
        }
        DataType::List(inner) if has_times(inner) => has_last(&values.list()?.get_inner())?,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataType, Field, TimeUnit};
    use serde_json::{Value as Json, json};

    use super::are_doubtful;

    fn time() -> DataType {
        DataType::Datetime(TimeUnit::Microseconds, None)
    }

    fn stats(least: &str, greatest: &str) -> Json {
        json!({ "numRecords": 2, "minValues": { "at": least }, "maxValues": { "at": greatest }, "nullCount": { "at": 0 } })
    }

    #[test]
    fn what_statistics_say_is_believed() {
        let doubted = |least, greatest| are_doubtful(&time(), "at", &stats(least, greatest));
        assert!(!doubted("1677-09-22T00:00:00.000Z", "2262-04-11T23:47:16.854Z"));
        assert!(!doubted("2024-01-01T00:00:00.000-08:00", "2024-01-01T00:00:00"));
        assert!(doubted("2024-01-01T00:00:00.000Z", "2262-04-11T23:47:16.855Z"));
        assert!(doubted("2024-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"));
        assert!(doubted("0001-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z"));
        assert!(doubted("1677-09-21T23:59:59", "2024-01-01T00:00:00"));
        assert!(doubted("long ago", "2024-01-01T00:00:00"));
    }

    #[test]
    fn what_they_do_not_say_may_be_anything() {
        for stats in [Json::Null, json!({}), json!({ "numRecords": 2 }), json!({ "nullCount": {} })] {
            assert!(are_doubtful(&time(), "at", &stats), "{stats}");
            assert!(!are_doubtful(&DataType::Date, "at", &stats), "{stats}");
        }
        assert!(!are_doubtful(&time(), "at", &json!({ "numRecords": 2, "nullCount": { "at": 2 } })), "there is none");
        assert!(!are_doubtful(&time(), "at", &json!({ "numRecords": 0 })), "there is no row");
    }

    #[test]
    fn times_inside_of_structs_have_statistics_and_those_in_lists_do_not() {
        let inner = DataType::Struct(vec![Field::new("at".into(), time()), Field::new("n".into(), DataType::Int64)]);
        let bounds = json!({ "s": { "at": "2024-01-01T00:00:00" } });
        let known = json!({ "numRecords": 1, "minValues": bounds, "maxValues": bounds });
        assert!(!are_doubtful(&inner, "s", &known));
        assert!(are_doubtful(&inner, "s", &json!({ "numRecords": 1 })));
        assert!(are_doubtful(&DataType::List(Box::new(time())), "s", &known));
    }
}
