//! Statistics for the log from the footers of the data files, so that readers can skip files.
//!
//! Only types whose bounds have one exact text form are given, among them times, by which slices of time find their files: a missing
//! bound costs speed, a wrong one costs rows. Floats are
//! left out because writers disagree on whether NaN has a place among the bounds.

use std::io::Cursor;

use polars::io::parquet::metadata::{ParquetStatistics, deserialize};
use polars::prelude::{AnyValue, DataType, ParquetReader, PlSmallStr, Schema, SerReader, Series, TimeUnit};
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, ErrorKind, Result};
use crate::io::storage::Storage;

/// How many columns have statistics: as many as other Delta writers give.
const INDEXED_COLUMNS: usize = 32;

/// How many bytes of the end of a file are read at first.
const LIKELY_FOOTER: u64 = 64 << 10;

/// What the row groups of a file say of one column.
struct Bounds {
    nulls: Option<u64>,
    least: Option<Series>,
    greatest: Option<Series>,
}

/// The number of rows of a data file, and its statistics as the log has them.
pub(super) fn of_file(table: &Storage, path: &str, schema: &Schema) -> Result<(u64, String)> {
    let mut reader = ParquetReader::new(Cursor::new(footer(table, path)?));
    let metadata = reader.get_metadata()?.clone();
    let arrow_schema = reader.schema()?;
    let rows = metadata.num_rows as u64;

    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    // Slices of time find their files by the bounds of times, wherever the column is.
    let indexed = |(at, (_, data_type)): &(usize, (&PlSmallStr, &DataType))| {
        is_bounded(data_type) && (*at < INDEXED_COLUMNS || matches!(data_type, DataType::Date | DataType::Datetime(..)))
    };
    for (_, (name, _)) in schema.iter().enumerate().filter(indexed) {
        let Some(field) = arrow_schema.get(name) else { continue };
        let mut bounds = Bounds { nulls: Some(0), least: None, greatest: None };
        let mut complete = rows > 0;
        for group in &metadata.row_groups {
            let columns = group.columns_under_root_iter(name);
            let found = columns.and_then(|mut columns| deserialize(field, &mut columns, &metadata.footer_buf).transpose());
            let Some(ParquetStatistics::Column(found)) = found.transpose().map_err(|error| footer_error(table, path, &error))?
            else {
                complete = false;
                bounds.nulls = None;
                continue;
            };
            let found = found.into_arrow().map_err(|error| footer_error(table, path, &error))?;
            bounds.nulls = bounds.nulls.zip(found.null_count).map(|(sum, more)| sum + more);
            if found.null_count == Some(group.num_rows() as u64) {
                continue;
            }
            match (found.min_value, found.max_value) {
                (Some(from), Some(to)) => {
                    append(&mut bounds.least, Series::from_arrow(name.clone(), from)?)?;
                    append(&mut bounds.greatest, Series::from_arrow(name.clone(), to)?)?;
                }
                _ => complete = false,
            }
        }
        if let Some(count) = bounds.nulls {
            nulls.insert(name.to_string(), json!(count));
        }
        let from = bounds.least.and_then(|series| to_json(series.min_reduce().ok()?.value()));
        let to = bounds.greatest.and_then(|series| to_json(series.max_reduce().ok()?.value()));
        if let (true, Some(from), Some(to)) = (complete, from, to) {
            least.insert(name.to_string(), from);
            greatest.insert(name.to_string(), to);
        }
    }
    let stats = json!({ "numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": nulls });
    Ok((rows, stats.to_string()))
}

/// The types of the columns of a data file, as it has them.
pub(super) fn types_of_file(table: &Storage, path: &str) -> Result<Vec<DataType>> {
    let mut reader = ParquetReader::new(Cursor::new(footer(table, path)?));
    let schema = reader.schema()?;
    Ok(schema.iter_values().map(DataType::from_arrow_field).collect())
}

/// The end of a file, with all of its footer.
fn footer(table: &Storage, path: &str) -> Result<Vec<u8>> {
    let tail = table.tail(path, LIKELY_FOOTER)?;
    let length = tail.len().checked_sub(8).and_then(|at| tail[at..at + 4].try_into().ok()).map_or(0, u32::from_le_bytes);
    let needed = u64::from(length) + 8;
    if needed <= tail.len() as u64 { Ok(tail) } else { table.tail(path, needed) }
}

fn footer_error(table: &Storage, path: &str, error: &impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Io, format!("cannot read the footer of `{table}/{path}`")).source(error.to_string())
}

fn is_bounded(data_type: &DataType) -> bool {
    use DataType::{Date, Datetime, Int8, Int16, Int32, Int64, String};
    matches!(data_type, Int8 | Int16 | Int32 | Int64 | String | Date | Datetime(TimeUnit::Microseconds, _))
}

fn append(all: &mut Option<Series>, more: Series) -> Result<()> {
    match all {
        Some(series) => {
            series.append(&more)?;
        }
        None => *all = Some(more),
    }
    Ok(())
}

fn to_json(value: &AnyValue<'_>) -> Option<Json> {
    match value {
        AnyValue::Int8(number) => Some(json!(number)),
        AnyValue::Int16(number) => Some(json!(number)),
        AnyValue::Int32(number) => Some(json!(number)),
        AnyValue::Int64(number) => Some(json!(number)),
        AnyValue::String(text) => Some(json!(text)),
        AnyValue::StringOwned(text) => Some(json!(text.as_str())),
        AnyValue::Date(_) => Some(json!(value.to_string())),
        AnyValue::Datetime(microseconds, _, zone) => time_text(*microseconds, zone.is_some()).map(Json::String),
        AnyValue::DatetimeOwned(microseconds, _, zone) => time_text(*microseconds, zone.is_some()).map(Json::String),
        _ => None,
    }
}

/// A time in microseconds, to the last digit: with `Z` for an instant, without for a wall clock.
fn time_text(microseconds: i64, instant: bool) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(microseconds).ok()?;
    let text = at.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string();
    Some(if instant { format!("{text}Z") } else { text })
}
