//! The iris tutorial: a CSV becomes Delta tables, a plot and a CSV, beside a table that somebody else writes.
//!
//! `cargo run --example iris` materializes everything; `cargo run --example iris -- --help` shows what else it can do.

#![forbid(unsafe_code)]

mod assets;
mod external;
mod plot;

use std::path::PathBuf;
use std::process::ExitCode;

use lakewright::LakehouseBuilder;
use lakewright::cli::App;
use lakewright::io::delta::DeltaIoManager;
use lakewright::prelude::*;

/// Delta tables of the schema `iris`; everything else is where it is without a word.
fn lakehouse(root: Option<PathBuf>) -> LakehouseBuilder {
    let builder = match root {
        Some(root) => Lakehouse::builder().root(root),
        None => Lakehouse::builder(),
    };
    let delta = builder.root_path().join("delta");
    // The other team delivers. If that fails, the asset that reads the table says that nothing is there, and where.
    drop(external::deliver(&delta.join("iris")));
    builder.io_manager("delta", DeltaIoManager::new(delta).schema("iris")).default_stores()
}

fn main() -> ExitCode {
    App::with(lakehouse).bare(["materialize", "--preview"]).run()
}
