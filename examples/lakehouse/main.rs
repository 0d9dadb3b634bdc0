//! The same assets in several stores: hourly temperatures become daily highs, kept as CSV, Delta or Parquet.
//!
//! `cargo run --example lakehouse` binds stores in code, first CSV and then Delta. With arguments, `lakewright.toml` beside this file
//! says where things are kept: `cargo run --example lakehouse -- materialize --profile dev`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program, and says what it did")]

mod assets;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use lakewright::cli::App;
use lakewright::event::EventKind;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::file::CsvIoManager;
use lakewright::prelude::*;
use lakewright::report::{render_error, run_table};
use lakewright::{IoManager, LakehouseBuilder};

fn run(name: &str, store: impl IoManager + Clone) -> Result<()> {
    let materialized = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&materialized);
    let lakehouse = Lakehouse::builder()
        .io_manager("raw", store.clone())
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
    if std::env::args_os().len() > 1 {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("lakehouse/lakewright.toml");
        return App::new(Lakehouse::builder().config_file(file)).run();
    }
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
