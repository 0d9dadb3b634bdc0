//! The iris tutorial in one DuckDB file, both ways: assets that write SQL with a resource, and assets that return frames to a store.
//!
//! `cargo run --features duckdb --example duckdb` leaves `iris.iris_dataset` and `iris.iris_setosa`, which the store keeps, and the same
//! two tables in the schema `iris_sql`, which the resource makes, in `warehouse.duckdb` below `$LAKEWRIGHT_ROOT`, or else `./lakehouse`.

#![forbid(unsafe_code)]

mod by_frames;
mod by_sql;

use std::path::PathBuf;
use std::process::ExitCode;

use lakewright::LakehouseBuilder;
use lakewright::cli::App;
use lakewright::duckdb::DuckDb;
use lakewright::io::duckdb::DuckDbIoManager;
use lakewright::prelude::*;

/// One file for both: whoever names it shares one instance of DuckDB.
fn lakehouse(root: Option<PathBuf>) -> LakehouseBuilder {
    let builder = match root {
        Some(root) => Lakehouse::builder().root(root),
        None => Lakehouse::builder(),
    };
    let root = builder.root_path().to_owned();
    // If this fails, DuckDB says which folder is not there.
    drop(std::fs::create_dir_all(&root));
    let warehouse = DuckDb::open(root.join("warehouse.duckdb"));
    builder
        .io_manager("duckdb", DuckDbIoManager::on(warehouse.clone()).schema("iris"))
        .resource("warehouse", warehouse)
        .default_stores()
}

fn main() -> ExitCode {
    App::with(lakehouse).bare(["materialize", "--preview"]).run()
}
