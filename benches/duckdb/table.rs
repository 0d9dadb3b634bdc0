//! A large table into a file and out of it again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lakewright::duckdb::DuckDb;
use lakewright::io::duckdb::DuckDbIoManager;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, Call, ValueKind};

use crate::Outcome;

/// How many rows are in a batch: as many as in a row group of DuckDB.
const BATCH: usize = 122_880;

/// The same batches by either version of Arrow.
macro_rules! batches {
    ($arrow:path, $rows:expr) => {{
        use $arrow as arrow;

        use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
        let mut batches = Vec::new();
        for start in (0..$rows).step_by(BATCH) {
            let numbers = i64::try_from(start)?..i64::try_from($rows.min(start + BATCH))?;
            let columns: [(&str, ArrayRef); 5] = [
                ("id", Arc::new(Int64Array::from_iter_values(numbers.clone()))),
                ("value", Arc::new(Float64Array::from_iter_values(numbers.clone().map(|n| (n as f64).sqrt())))),
                ("group", Arc::new(Int32Array::from_iter_values(numbers.clone().map(|n| (n * 7919 % 60) as i32)))),
                ("name", Arc::new(StringArray::from_iter_values(numbers.clone().map(|n| format!("station {}", n * 31 % 5000))))),
                (
                    "at",
                    Arc::new(TimestampMicrosecondArray::from_iter_values(numbers.map(|n| 1_700_000_000_000_000 + n * 1_000_000))),
                ),
            ];
            batches.push(RecordBatch::try_from_iter(columns)?);
        }
        Ok(batches)
    }};
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder of 60")]
pub(crate) fn batches(rows: usize) -> Outcome<Vec<lakewright::arrow::array::RecordBatch>> {
    batches!(lakewright::arrow, rows)
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder of 60")]
pub(crate) fn batches_by_hand(rows: usize) -> Outcome<Vec<::duckdb::arrow::array::RecordBatch>> {
    batches!(::duckdb::arrow, rows)
}

/// An asset whose table the store keeps.
pub(crate) fn write(folder: &Path, batches: &[lakewright::arrow::array::RecordBatch]) -> Outcome<u64> {
    let given = batches.to_vec();
    let rows = given.iter().map(|batch| batch.num_rows() as u64).sum();
    let body = move |call: Call| {
        let given = given.clone();
        async move { call.produce_frame(given) }
    };
    let asset = AssetBuilder::new("readings", ValueKind::Table).io_manager("duckdb").body(body)?;
    run(folder, asset)?;
    Ok(rows)
}

/// An asset that reads it.
pub(crate) fn read(folder: &Path) -> Outcome<u64> {
    let rows = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&rows);
    let body = move |mut call: Call| {
        let seen = Arc::clone(&seen);
        async move {
            let batches: Vec<lakewright::arrow::array::RecordBatch> = call.frame("readings")?;
            let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            seen.store(rows, Ordering::Relaxed);
            call.produce_object(rows)
        }
    };
    let asset = AssetBuilder::new("count", ValueKind::Object).io_manager("memory").input("readings").body(body)?;
    let upstream = AssetBuilder::new("readings", ValueKind::Table).io_manager("duckdb").external();
    run_of(folder, vec![asset, upstream?])?;
    Ok(rows.load(Ordering::Relaxed))
}

fn run(folder: &Path, asset: lakewright::AssetSpec) -> Outcome<()> {
    run_of(folder, vec![asset])
}

fn run_of(folder: &Path, assets: Vec<lakewright::AssetSpec>) -> Outcome<()> {
    let database = DuckDb::open(folder.join("table.duckdb"));
    let builder = Lakehouse::builder().root(folder).registry(Registry::from_specs(assets));
    let lakehouse = builder.io_manager("duckdb", DuckDbIoManager::on(database)).build()?;
    let report = lakehouse.materialize_blocking("*")?;
    if report.is_success() { Ok(()) } else { Err(format!("{:?}", report.failures().collect::<Vec<_>>()).into()) }
}

/// The `duckdb` crate's appender, in one transaction.
pub(crate) fn write_by_hand(folder: &Path, batches: &[::duckdb::arrow::array::RecordBatch]) -> Outcome<u64> {
    let connection = ::duckdb::Connection::open(folder.join("table.duckdb"))?;
    connection.execute_batch(
        "BEGIN;
         CREATE OR REPLACE TABLE readings (id BIGINT, value DOUBLE, \"group\" INTEGER, name VARCHAR, measured TIMESTAMP)",
    )?;
    let mut appender = connection.appender("readings")?;
    for batch in batches {
        appender.append_record_batch(batch.clone())?;
    }
    drop(appender);
    connection.execute_batch("COMMIT")?;
    Ok(batches.iter().map(|batch| batch.num_rows() as u64).sum())
}

/// Its stream of batches, kept.
pub(crate) fn read_by_hand(folder: &Path) -> Outcome<u64> {
    let connection = ::duckdb::Connection::open(folder.join("table.duckdb"))?;
    let mut statement = connection.prepare("FROM readings")?;
    let batches = statement.stream_arrow([])?.collect::<Result<Vec<_>, _>>()?;
    Ok(batches.iter().map(|batch| batch.num_rows() as u64).sum())
}
