//! The input: five columns, one of them of 60 values in random order.

use std::fs::File;
use std::path::Path;

use polars::prelude::{
    Column, DataFrame, DataType, LazyFrame, NamedFrom, ParquetCompression, ParquetWriter, PlRefPath, Series, TimeUnit,
};
use polars::prelude::{col, lit};

use crate::Outcome;

/// How many rows are made at a time.
const CHUNK: usize = 1_000_000;

/// Writes the input, and gives its size on the disk.
pub(crate) fn generate(path: &Path, rows: usize) -> Outcome<u64> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let first = chunk(0, rows.min(CHUNK))?;
    let writer = ParquetWriter::new(File::create(path)?).with_compression(ParquetCompression::Snappy);
    let mut writer = writer.batched(first.schema())?;
    for start in (0..rows).step_by(CHUNK) {
        writer.write_batch(&chunk(start, CHUNK.min(rows - start))?)?;
    }
    writer.finish()?;
    Ok(std::fs::metadata(path)?.len())
}

/// Gigabytes of values, before any encoding.
pub(crate) fn width(rows: usize) -> f64 {
    rows as f64 * (8.0 + 7.0 + 8.0 + 8.0 + 8.0) / 1e9
}

#[expect(clippy::cast_possible_wrap, reason = "rows are counted from 0")]
fn chunk(start: usize, rows: usize) -> Outcome<DataFrame> {
    let random =
        |row: usize| (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11;
    let names: Vec<String> = (0..60).map(|number| format!("group{number:02}")).collect();
    let groups: Vec<&str> =
        (start..start + rows).map(|row| names[usize::try_from(random(row) % 60).unwrap_or(0)].as_str()).collect();
    let unit = (1u64 << 53) as f64;
    let columns: Vec<Column> = vec![
        Series::new("id".into(), (start..start + rows).map(|row| row as i64).collect::<Vec<_>>()).into(),
        Series::new("group".into(), groups).into(),
        Series::new("value".into(), (start..start + rows).map(|row| random(row ^ 0x5555) as f64 / unit).collect::<Vec<_>>())
            .into(),
        Series::new("weight".into(), (start..start + rows).map(|row| random(row ^ 0xAAAA) as f64 / unit).collect::<Vec<_>>())
            .into(),
        Series::new("at".into(), (start..start + rows).map(|row| 1_700_000_000_000_000 + row as i64 * 1_000).collect::<Vec<_>>())
            .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?
            .into(),
    ];
    Ok(DataFrame::new(rows, columns)?)
}

/// The work: most rows stay, and a column is added.
pub(crate) fn work(plan: LazyFrame) -> LazyFrame {
    plan.filter(col("value").gt(lit(0.05))).with_columns([(col("value") * col("weight")).alias("weighted")])
}

/// The input as a plan.
pub(crate) fn scan(path: &Path) -> Outcome<LazyFrame> {
    Ok(LazyFrame::scan_parquet(PlRefPath::try_from_path(path)?, polars::prelude::ScanArgsParquet::default())?)
}
