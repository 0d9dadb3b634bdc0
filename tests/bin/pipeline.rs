//! A program of assets as a user writes one, with a mistake to order: the tests run it as a process.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what steps print is looked for in the log")]

use std::path::Path;

use lakewright::prelude::*;
use serde::{Deserialize, Serialize};

/// What goes wrong, if anything.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Mishap {
    fails: bool,
    panics: bool,
    waits: Option<String>,
}

fn wait_for(file: &Path) {
    while !file.exists() {
        std::thread::yield_now();
    }
}

/// Three numbers and their names.
#[asset(group = "raw", tags = ["small"], owners = ["ada@example.org"], kinds = ["polars"], code_version = "1")]
fn numbers() -> Result<DataFrame> {
    Ok(df!("name" => ["one", "two", "three"], "value" => [1i64, 2, 3])?)
}

/// Twice as much, unless told otherwise.
#[asset(group = "derived")]
fn doubled(numbers: LazyFrame, mishap: Config<Mishap>) -> Result<LazyFrame, String> {
    assert!(!mishap.panics, "the numbers were too large");
    if mishap.fails {
        return Err("the numbers were not even".to_owned());
    }
    if let Some(file) = &mishap.waits {
        std::fs::write(file, "begun").map_err(|error| error.to_string())?;
        wait_for(&Path::new(file).with_extension("released"));
    }
    Ok(numbers.with_column((col("value") * lit(2)).alias("value")))
}

#[asset(group = "derived", io_manager = "fs")]
fn total(doubled: &DataFrame) -> Result<i64> {
    Ok(doubled.column("value")?.i64()?.sum().unwrap_or_default())
}

#[asset(group = "derived", tags(team = "bio"), io_manager = "csv")]
fn names(#[input(columns = ["name"])] numbers: LazyFrame) -> LazyFrame {
    numbers
}

/// Whether it waits, for which file, and how: where it can be cancelled, unless it is said otherwise.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Gate {
    waits: Option<String>,
    /// On a thread that nobody can stop.
    blocks: bool,
    /// Without leaving its thread to anybody.
    computes: bool,
}

/// Says what it does, and waits where it can be cancelled.
#[asset(group = "slow", io_manager = "fs")]
async fn patient(gate: Config<Gate>) -> Result<String, String> {
    println!("patient begins");
    tracing::info!(gate = gate.waits.is_some(), "looks for the gate");
    if let Some(file) = &gate.waits {
        std::fs::write(file, "begun").map_err(|error| error.to_string())?;
        let released = Path::new(file).with_extension("released");
        if gate.blocks {
            tokio::task::spawn_blocking(move || wait_for(&released)).await.map_err(|error| error.to_string())?;
        } else if gate.computes {
            wait_for(&released);
        } else {
            while !released.exists() {
                tokio::task::yield_now().await;
            }
        }
    }
    tracing::warn!("the gate is open");
    eprintln!("patient ends");
    Ok("patience".to_owned())
}

/// Parts of a country, in the run state.
#[partitions(dynamic)]
struct Region;

/// The name of each region.
#[asset(group = "regions", io_manager = "fs", partitions = Region)]
fn regions(region: Partition<Region>) -> String {
    region.to_uppercase()
}

/// Somebody else's table.
#[external_asset(io_manager = "delta")]
fn inventory() -> LazyFrame;

#[asset(io_manager = "delta", group = "stock", pool = "api")]
fn stock(inventory: LazyFrame) -> LazyFrame {
    inventory
}

lakewright::main!();
