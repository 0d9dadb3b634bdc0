//! JSON lines: an object on each line.
//!
//! JSON has texts, numbers and truths. Dates, times and decimals are texts that say exactly the value, and are read back by the types
//! that the manifest remembers or the asset declares. What JSON has no form for is refused on the way in.

use std::num::NonZeroUsize;
use std::sync::Arc;

use polars::prelude::{
    Column, DataFrame, DataType, Engine, FileScanDsl, FileWriteFormat, HiveOptions, LazyFrame, NDJsonReadOptions,
    NDJsonWriterOptions, ScanSources, Schema, SchemaRef, Series, UnifiedScanArgs, col,
};

use super::format::write_as_plan;
use super::inferred::{INFERENCE_ROWS, Rules, with_declared, without_rows};
use super::text::{Refusals, columns_that, decoded, encoded, has_text};
use super::{FileFormat, FileSink, FileSource, Written};
use crate::error::{Error, ErrorKind, Result};
use crate::io::sink::sink_args;

const RULES: Rules = Rules { reads_as, leaves_nulls_out: true };

/// JSON lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonLines;

impl FileFormat for JsonLines {
    const EXTENSION: &'static str = "jsonl";

    fn store_name(&self) -> &'static str {
        "the JSON store"
    }

    fn check(&self, schema: &Schema) -> Result<()> {
        if schema.is_empty() {
            let message = "JSON lines cannot give back a frame without columns";
            return Err(Error::new(ErrorKind::Value, message).help("use another store"));
        }
        match schema.iter().find(|(_, data_type)| in_file(data_type).is_none()) {
            None => Ok(()),
            Some((name, data_type)) => {
                let message = format!("JSON lines cannot give back the column `{name}` of type `{data_type}`");
                Err(Error::new(ErrorKind::Value, message).help("cast the column to text or a number, or use another store"))
            }
        }
    }

    fn write(&self, frame: DataFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
        write_as_plan(self, frame, to, written)
    }

    fn sink(&self, mut plan: LazyFrame, to: &mut FileSink, _written: &Written<'_>) -> Result<()> {
        let schema = plan.collect_schema()?;
        let refusals = Refusals::default();
        plan = encoded(plan, &columns_that(&schema, has_text), "JSON lines", &refusals);
        plan = with_finite_numbers(plan, &schema, &refusals);
        let format = FileWriteFormat::NDJson(NDJsonWriterOptions { check_extension: false, ..Default::default() });
        let done = plan.sink(to.destination()?, format, sink_args())?.collect_with_engine(Engine::Streaming);
        refusals.outcome(done.map(drop).map_err(Error::from))
    }

    fn scan(&self, from: &FileSource<'_>) -> Result<LazyFrame> {
        if let Some(known) = from.schema() {
            return Ok(read(from, known));
        }
        let inferred = lines(from, None);
        let Some(declared) = from.asset().output.columns else { return Ok(inferred) };
        if from.tail(1)?.is_empty() {
            return Ok(without_rows(declared).unwrap_or(inferred));
        }
        Ok(read(from, &with_declared(&inferred, from.asset(), &RULES)?))
    }
}

/// The type that values of a type have in a file; nothing if JSON does not give them back.
fn in_file(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::UInt64 => DataType::UInt64,
        data_type if has_text(data_type) => DataType::String,
        other => return nested_in_file(other),
    })
}

/// As [`in_file`], for what is inside of lists and structs, too.
fn nested_in_file(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Boolean | DataType::String | DataType::Float32 | DataType::Float64 => data_type.clone(),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => DataType::Int64,
        DataType::List(element) => DataType::List(Box::new(nested_in_file(element)?)),
        DataType::Struct(fields) if !fields.is_empty() => {
            let field = |field: &polars::prelude::Field| {
                Some(polars::prelude::Field::new(field.name().clone(), nested_in_file(field.dtype())?))
            };
            DataType::Struct(fields.iter().map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// A scan with these columns.
fn read(from: &FileSource<'_>, schema: &SchemaRef) -> LazyFrame {
    let written: Schema =
        schema.iter().map(|(name, data_type)| (name.clone(), in_file(data_type).unwrap_or_else(|| data_type.clone()))).collect();
    let made = schema.iter().filter_map(|(name, data_type)| match written.get(name) {
        Some(there) if there == data_type => None,
        _ if has_text(data_type) => Some(decoded(name, data_type)),
        _ => Some(col(name.clone()).strict_cast(data_type.clone())),
    });
    let made: Vec<_> = made.collect();
    let plan = lines(from, Some(Arc::new(written)));
    if made.is_empty() { plan } else { plan.with_columns(made) }
}

/// The objects of a file, with these columns, or with those that are found.
fn lines(from: &FileSource<'_>, schema: Option<SchemaRef>) -> LazyFrame {
    let options = NDJsonReadOptions {
        n_threads: None,
        infer_schema_length: NonZeroUsize::new(INFERENCE_ROWS),
        chunk_size: NonZeroUsize::MIN.saturating_add(1 << 18),
        low_memory: false,
        ignore_errors: false,
        schema,
        schema_overwrite: None,
    };
    let args = UnifiedScanArgs {
        cloud_options: from.cloud_options(),
        hive_options: HiveOptions::new_disabled(),
        // The reader that Polars has for this takes a key with a `*` for a pattern.
        glob: false,
        ..Default::default()
    };
    LazyFrame::from(polars::prelude::DslPlan::Scan {
        sources: ScanSources::Paths([from.path()].into_iter().collect()),
        unified_scan_args: Box::new(args),
        scan_type: Box::new(FileScanDsl::NDJson { options }),
        cached_ir: Arc::default(),
    })
}

/// Refuses numbers that JSON has no form for, which Polars writes as null.
fn with_finite_numbers(plan: LazyFrame, schema: &Schema, refusals: &Refusals) -> LazyFrame {
    let one = |(name, _): (&str, &DataType)| {
        let refusals = refusals.clone();
        let check = move |column: Column| {
            if is_finite(column.as_materialized_series())? {
                return Ok(column);
            }
            let message = format!("JSON has no number for the NaN or infinity in the column `{}`", column.name());
            Err(refusals.refuse(Error::new(ErrorKind::Value, message).help("replace it by null, or use another store")))
        };
        col(name).map(check, |_, field| Ok(field.clone()))
    };
    let checked: Vec<_> = columns_that(schema, has_floats).into_iter().map(one).collect();
    if checked.is_empty() { plan } else { plan.with_columns(checked) }
}

fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(element) => has_floats(element),
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.dtype())),
        other => other.is_float(),
    }
}

fn is_finite(series: &Series) -> polars::prelude::PolarsResult<bool> {
    // What is under a null of a list or struct is not written.
    let series = series.propagate_nulls().unwrap_or_else(|| series.clone());
    match series.dtype() {
        DataType::List(_) => {
            let series = series.trim_lists_to_normalized_offsets().unwrap_or(series);
            is_finite(&series.list()?.get_inner())
        }
        DataType::Struct(_) => {
            let fields = series.struct_()?.fields_as_series();
            fields.iter().try_fold(true, |all, field| Ok(all && is_finite(field)?))
        }
        data_type if data_type.is_float() => Ok(series.is_finite()?.iter().flatten().all(|finite| finite)),
        _ => Ok(true),
    }
}

/// Whether what looks like one type can be read as another.
fn reads_as(found: &DataType, declared: &DataType) -> bool {
    match (found, declared) {
        (DataType::Null, declared) => in_file(declared).is_some(),
        (DataType::List(found), DataType::List(declared)) => reads_as(found, declared) && nested_in_file(declared).is_some(),
        (DataType::Struct(found), DataType::Struct(declared)) => {
            let same = |(found, declared): (&polars::prelude::Field, &polars::prelude::Field)| {
                found.name() == declared.name() && reads_as(found.dtype(), declared.dtype())
            };
            found.len() == declared.len() && found.iter().zip(declared).all(same)
        }
        (found, declared) if declared.is_float() => found.is_primitive_numeric(),
        (found, declared) if declared.is_integer() => found.is_integer(),
        (DataType::String, declared) => *declared == DataType::String || has_text(declared),
        (DataType::Int64, DataType::Decimal(..)) => false,
        (found, declared) => found == declared,
    }
}
