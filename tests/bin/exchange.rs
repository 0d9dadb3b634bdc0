//! Copies the tables that other software has written, from each of their formats to each of our stores. `interchange/exchange.py`
//! writes the ones and reads the others.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use lakewright::asset::Input;
use lakewright::cli::App;
use lakewright::io::delta::DeltaIoManager;
#[cfg(feature = "duckdb")]
use lakewright::io::duckdb::DuckDbIoManager;
use lakewright::io::file::{CsvIoManager, IpcIoManager, JsonIoManager, ParquetIoManager};
use lakewright::jiff::civil::{Date, DateTime};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ValueKind};

/// Who wrote what: the table `<writer>` in the format.
const THEIRS: &[(&str, &[&str])] = &[
    ("delta", &["deltalake", "polars"]),
    ("parquet", &["pyarrow", "polars", "duckdb"]),
    ("csv", &["polars", "duckdb"]),
    ("json", &["polars"]),
    ("ipc", &["pyarrow", "polars"]),
    #[cfg(feature = "duckdb")]
    ("duckdb", &["duckdb"]),
];

/// The columns of the tables in formats that do not say them.
#[derive(Columns)]
struct Flat {
    id: i64,
    small: Option<i32>,
    float: Option<f64>,
    text: Option<String>,
    flag: Option<bool>,
    date: Option<Date>,
    time: Option<DateTime>,
}

/// The other columns, which are not in those formats.
const NESTED: [&str; 5] = ["list", "struct", "decimal", "binary", "zoned"];

fn copies() -> Result<Registry> {
    let mut assets = Vec::new();
    for (format, writers) in THEIRS {
        for writer in *writers {
            let theirs = format!("{format}/{writer}");
            let table = AssetBuilder::new(&theirs, ValueKind::Table).io_manager(format!("their_{format}"));
            let table = if matches!(*format, "csv" | "json") { table.columns(Flat::COLUMNS) } else { table };
            assets.push(table.external()?);
            for (store, _) in THEIRS {
                let text = matches!(*store, "csv" | "json");
                let copy = AssetBuilder::new(format!("to_{store}/from_{format}_by_{writer}"), ValueKind::Table)
                    .io_manager(*store)
                    .input(Input::of(&theirs).named("theirs"));
                assets.push(copy.body(move |call| async move {
                    // A stream becomes a frame by blocking.
                    let copied = call.blocking(move |mut call| {
                        let rows: LazyFrame = call.frame("theirs")?;
                        call.produce_frame(if text { rows.drop(by_name(NESTED, false, false)) } else { rows })
                    });
                    copied.await
                })?);
            }
        }
    }
    Ok(Registry::from_specs(assets))
}

fn main() -> ExitCode {
    App::with(|root| {
        let builder = match root {
            Some(root) => Lakehouse::builder().root(root),
            None => Lakehouse::builder(),
        };
        let theirs: PathBuf = builder.root_path().join("theirs");
        let builder = builder
            .io_manager("their_delta", DeltaIoManager::new(theirs.join("delta")))
            .io_manager("their_parquet", ParquetIoManager::new(theirs.join("parquet")))
            .io_manager("their_csv", CsvIoManager::new(theirs.join("csv")))
            .io_manager("their_json", JsonIoManager::new(theirs.join("json")))
            .io_manager("their_ipc", IpcIoManager::new(theirs.join("ipc")));
        #[cfg(feature = "duckdb")]
        let builder = builder.io_manager("their_duckdb", DuckDbIoManager::new(theirs.join("theirs.duckdb")));
        match copies() {
            Ok(registry) => builder.registry(registry).default_stores(),
            Err(error) => panic!("{error}"),
        }
    })
    .run()
}
