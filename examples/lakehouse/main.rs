//! The same assets in two stores: hourly temperatures become daily highs, kept as CSV or as Delta.
//!
//! `cargo run --example lakehouse` runs both, one after the other; no asset says where it is kept.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program, and says what it did")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use lakewright::event::EventKind;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::file::CsvIoManager;
use lakewright::prelude::*;
use lakewright::report::{render_error, run_table};
use lakewright::{IoManager, LakehouseBuilder};

/// Hourly temperatures in San Francisco in 2010, in °F.
#[asset]
fn sf_temps() -> Result<LazyFrame> {
    let file = PlRefPath::try_from_path(&lakewright_examples::data("sf_temps.csv"))?;
    let time = StrptimeOptions { format: Some("%Y/%m/%d %H:%M:%S".into()), ..Default::default() };
    let hourly = LazyCsvReader::new(file).finish()?;
    Ok(hourly.select([
        col("date").str().to_datetime(Some(TimeUnit::Microseconds), None, time, lit("raise")).alias("time"),
        col("temp"),
    ]))
}

/// The highest temperature of each day.
#[asset]
fn daily_temperature_highs(sf_temps: LazyFrame) -> LazyFrame {
    sf_temps
        .group_by([col("time").cast(DataType::Date).alias("date")])
        .agg([col("temp").max().alias("max_temp")])
        .sort(["date"], SortMultipleOptions::default())
}

fn run(name: &str, store: impl IoManager) -> Result<()> {
    let materialized = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&materialized);
    let lakehouse = Lakehouse::builder()
        .io_manager("io_manager", store)
        .subscribe(move |event| {
            if let (EventKind::Materialized { materialization, .. }, Ok(mut heard)) = (&event.kind, heard.lock()) {
                heard.push(materialization.asset.to_string());
            }
        })
        .build()?;
    let report = lakehouse.materialize_blocking("*")?;
    println!("{name}\n{}", run_table(&report));
    println!("one event each for {}\n", materialized.lock().map(|all| all.join(", ")).unwrap_or_default());
    match report.failures().next() {
        None => Ok(()),
        Some((_, failure)) => Err(Error::new(lakewright::ErrorKind::Body, failure.message.clone())),
    }
}

fn main() -> ExitCode {
    let root = LakehouseBuilder::default().root_path().join("temperatures");
    let both = run("CSV files", CsvIoManager::new(root.join("csv")))
        .and_then(|()| run("Delta tables", DeltaIoManager::new(root.join("delta"))));
    match both {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", render_error(&error, false));
            ExitCode::FAILURE
        }
    }
}
