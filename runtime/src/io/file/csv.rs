//! CSV with a header.
//!
//! CSV has no types, so what we wrote is read back by the types that the manifest remembers, and what somebody else wrote by
//! inference. A type that text would not give back is refused on the way in.

use std::path::Path;
use std::sync::Arc;

use polars::prelude::{
    CsvWriterOptions, DataType, Engine, FileWriteFormat, LazyCsvReader, LazyFileListReader, LazyFrame, Schema, TimeUnit, len,
};

use super::{FileFormat, Written, new_file, polars_path};
use crate::error::{Error, ErrorKind, Result};
use crate::io::sink::sink_args;
use crate::schema::Column;

/// How many rows are looked at for the types of a file that somebody else wrote.
const INFERENCE_ROWS: usize = 10_000;

/// CSV with a header.
#[derive(Debug, Clone, Copy, Default)]
pub struct Csv;

/// The types that come back from text as they went in.
const KEPT: &[DataType] = &[
    DataType::Boolean,
    DataType::Int8,
    DataType::Int16,
    DataType::Int32,
    DataType::Int64,
    DataType::UInt8,
    DataType::UInt16,
    DataType::UInt32,
    DataType::UInt64,
    DataType::Float32,
    DataType::Float64,
    DataType::String,
    DataType::Date,
    DataType::Datetime(TimeUnit::Milliseconds, None),
    DataType::Datetime(TimeUnit::Microseconds, None),
    DataType::Datetime(TimeUnit::Nanoseconds, None),
];

impl FileFormat for Csv {
    fn store_name(&self) -> &'static str {
        "the CSV store"
    }

    fn extension(&self) -> &'static str {
        "csv"
    }

    fn check(&self, schema: &Schema) -> Result<()> {
        match schema.iter().find(|(_, data_type)| !KEPT.contains(data_type)) {
            None => Ok(()),
            Some((name, data_type)) => {
                let message = format!("CSV cannot give back the column `{name}` of type `{data_type}`");
                Err(Error::new(ErrorKind::Value, message).help("cast the column to text or a number, or use another store"))
            }
        }
    }

    fn sink(&self, plan: LazyFrame, path: &Path, _written: &Written<'_>) -> Result<()> {
        let format = FileWriteFormat::Csv(CsvWriterOptions { check_extension: false, ..Default::default() });
        plan.sink(new_file(path)?, format, sink_args())?.collect_with_engine(Engine::Streaming)?;
        Ok(())
    }

    fn scan(&self, path: &Path, columns: Option<&[Column]>) -> Result<LazyFrame> {
        let known = columns.map(|columns| Arc::new(columns.iter().filter_map(field).collect::<Schema>()));
        let reader = LazyCsvReader::new(polars_path(path)?)
            .with_has_header(true)
            .with_glob(false)
            .with_try_parse_dates(known.is_none())
            .with_infer_schema_length(Some(INFERENCE_ROWS))
            // The names, too: Polars does not take the quotes out of a quoted header.
            .with_schema(known);
        Ok(reader.finish()?)
    }

    fn rows(&self, path: &Path) -> Result<u64> {
        let counted = self.scan(path, None)?.select([len()]).collect_with_engine(Engine::Streaming)?.unwrap_single();
        Ok(counted.columns()[0].get(0)?.extract::<u64>().unwrap_or_default())
    }
}

/// The column as it was when it was written.
fn field(column: &Column) -> Option<(polars::prelude::PlSmallStr, DataType)> {
    let data_type = KEPT.iter().find(|kept| kept.to_string() == column.data_type)?;
    Some((column.name.as_str().into(), data_type.clone()))
}
