//! A store of one's own, as a third party would write it: an SQLite file that holds frames.
//!
//! `cargo run --example custom_io` keeps the measurements of the irises in it and reads back the mean of each species;
//! `cargo test --example custom_io` looks whether the store keeps the rules that every store keeps.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program, and says what it did")]

mod store;

use std::process::ExitCode;

use lakewright::LakehouseBuilder;
use lakewright::prelude::*;
use lakewright::report::{render_error, run_table};
use store::SqliteIoManager;

/// The measurements.
#[asset]
fn irises() -> Result<LazyFrame> {
    let file = PlRefPath::try_from_path(&lakewright_examples::data("iris.csv"))?;
    Ok(LazyCsvReader::new(file).finish()?)
}

/// How long the petals of each species are.
#[asset]
fn petals(irises: LazyFrame) -> LazyFrame {
    let mean = col("petal_length_cm").mean().round(2, RoundMode::HalfAwayFromZero);
    irises.group_by([col("species")]).agg([mean.alias("mean")]).sort(["species"], SortMultipleOptions::default())
}

fn run() -> Result<()> {
    let root = LakehouseBuilder::default().root_path().join("custom_io");
    std::fs::create_dir_all(&root).map_err(|error| Error::new(lakewright::ErrorKind::Io, error.to_string()))?;
    let store = SqliteIoManager::new(root.join("frames.sqlite"));
    let lakehouse = Lakehouse::builder().root(root).io_manager("io_manager", store).build()?;
    let report = lakehouse.materialize_blocking("*")?;
    println!("{}", run_table(&report));
    if let Some((_, failure)) = report.failures().next() {
        return Err(Error::new(lakewright::ErrorKind::Body, failure.message.clone()));
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", render_error(&error, false));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
lakewright::conformance! {
    mod rules: [append, error, ignore, lasting, snapshots, tables] => |place| SqliteIoManager::new(place.folder().join("frames.sqlite"))
}
