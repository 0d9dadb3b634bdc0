//! Arrow batches as Polars frames, and streams of them as files that a lazy plan scans.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use polars::io::HiveOptions;
use polars::prelude::{
    Column, DataFrame, DataType as PolarsType, LazyFrame, ParquetCompression, ParquetWriter, PlRefPath, PlSmallStr,
    ScanArgsParquet, ScanSources, Schema as PolarsSchema, Series, StatisticsOptions,
};

use super::labels::unknown_label;
use super::types::{cast_exactly, does_not_cross, field_for_polars};
use crate::error::Result;
use crate::frame::arrow::{ArrowTable, RecordBatchStream};
use crate::frame::ffi::{array_to_polars, field_to_polars};
use crate::frame::polars::PolarsTable;
use crate::frame::{SpoolFile, Table};

/// How many rows, and about how many bytes, a file gets at once.
const GROUP_ROWS: usize = 256 * 1024;
const GROUP_BYTES: usize = 64 * 1024 * 1024;

/// A table as Polars has it, a stream of it in a file without a name.
pub(crate) fn into_polars(table: Table) -> Result<PolarsTable> {
    let stream = match eager_or_stream(table)? {
        Ok(eager) => return Ok(eager),
        Err(stream) => stream,
    };
    let (spool, file) = SpoolFile::create(&std::env::temp_dir())?;
    write(stream, file)?;
    scan(ScanSources::Files(Arc::new([spool.unnamed()?])))
}

/// A table as Polars has it, a stream of it in a file in this folder.
pub(crate) fn into_polars_in(table: Table, folder: &Path) -> Result<(PolarsTable, Option<SpoolFile>)> {
    let stream = match eager_or_stream(table)? {
        Ok(eager) => return Ok((eager, None)),
        Err(stream) => stream,
    };
    let (spool, file) = SpoolFile::create(folder)?;
    write(stream, file)?;
    let path = PlRefPath::try_from_path(spool.path())?;
    Ok((scan(ScanSources::Paths([path].into_iter().collect()))?, Some(spool)))
}

fn eager_or_stream(table: Table) -> Result<Result<PolarsTable, RecordBatchStream>> {
    Ok(match table.into_arrow()? {
        ArrowTable::Batches { schema, batches } => Ok(PolarsTable::Eager(frame_of_batches(&schema, &batches)?)),
        // A file of Parquet has no rows without columns.
        ArrowTable::Stream(stream) if stream.schema().fields().is_empty() => {
            let rows = stream.blocking_iter()?.map(|batch| Ok(batch?.num_rows())).sum::<Result<usize>>()?;
            Ok(PolarsTable::Eager(DataFrame::new(rows, Vec::new())?))
        }
        ArrowTable::Stream(stream) => Err(stream),
    })
}

/// Batches as one frame with a chunk for each.
fn frame_of_batches(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<DataFrame> {
    let mut frame = DataFrame::empty_with_schema(&schema_to_polars(schema)?);
    for batch in batches {
        append(&mut frame, frame_of_batch(batch)?)?;
    }
    Ok(frame)
}

/// Adds the rows of the next frame as chunks of their own.
fn append(frame: &mut DataFrame, next: DataFrame) -> Result<()> {
    if frame.height() == 0 {
        // An empty first chunk would be one more to align.
        *frame = next;
    } else {
        frame.vstack_mut_owned(next)?;
    }
    Ok(())
}

fn frame_of_batch(batch: &RecordBatch) -> Result<DataFrame> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
        let target = field_for_polars(field).map_err(|why| does_not_cross(field.name(), field.data_type(), why))?;
        let array = cast_exactly(array, target.data_type()).map_err(|error| error.with("column", field.name()))?;
        let (known_as, chunk) = array_to_polars(array.as_ref(), &target)?;
        let series = Series::try_from((&known_as, chunk))?;
        if let Some(text) = unknown_label(array.as_ref(), series.dtype(), None) {
            let why = format!("its text {text:?} is none of the labels of its enum");
            return Err(does_not_cross(field.name(), field.data_type(), why));
        }
        Ok(Column::from(series))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(DataFrame::new(batch.num_rows(), columns)?)
}

fn schema_to_polars(schema: &SchemaRef) -> Result<PolarsSchema> {
    let column = |field: &Arc<arrow::datatypes::Field>| {
        let target = field_for_polars(field).map_err(|why| does_not_cross(field.name(), field.data_type(), why))?;
        Ok((PlSmallStr::from_str(field.name()), PolarsType::from_arrow_field(&field_to_polars(&target)?)))
    };
    schema.fields().iter().map(column).collect()
}

/// Writes a stream as Parquet, which every build of Polars that this project makes reads lazily; little is compressed, because
/// the file is read once. Never more than a group of rows is in memory.
fn write(stream: RecordBatchStream, file: File) -> Result<()> {
    let schema = schema_to_polars(&stream.schema())?;
    let writer = ParquetWriter::new(file).with_compression(ParquetCompression::Lz4Raw);
    let mut writer = writer.with_statistics(StatisticsOptions::empty()).batched(&schema)?;
    let mut group = DataFrame::empty_with_schema(&schema);
    for batch in stream.blocking_iter()? {
        append(&mut group, frame_of_batch(&batch?)?)?;
        if group.height() >= GROUP_ROWS || group.estimated_size() >= GROUP_BYTES {
            writer.write_batch(group.rechunk_mut_par())?;
            group = DataFrame::empty_with_schema(&schema);
        }
    }
    if group.height() > 0 {
        writer.write_batch(group.rechunk_mut_par())?;
    }
    writer.finish()?;
    Ok(())
}

fn scan(sources: ScanSources) -> Result<PolarsTable> {
    // The folder is somebody's choice: `*` and `year=2024` in its name mean nothing.
    let hive_options = HiveOptions::new_disabled();
    let args = ScanArgsParquet { cache: false, glob: false, hive_options, ..ScanArgsParquet::default() };
    Ok(PolarsTable::Lazy(Box::new(LazyFrame::scan_parquet_sources(sources, args)?)))
}
