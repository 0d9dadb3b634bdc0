//! What a backfill of 1,000 days into one Delta table costs: as one run, whose body is called once for each day or once for all, and as
//! a run for each day.
//!
//! `cargo run --release -p lakewright-benches --bin backfill -- [DAYS]`
//!
//! The log is in a file, as it is without a word.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "it is a program, and says what it measured")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use lakewright::exec::{Interrupt, PartitionChoice};
use lakewright::prelude::*;
use lakewright::{BackfillOptions, RunCut};
use polars::prelude::{DataFrame, df};

#[partitions(daily, start = "2020-01-01")]
struct Day;

#[asset(io_manager = "delta", partitions = Day, partition_expr = "day")]
fn each_day(day: Partition<Day>) -> DataFrame {
    rows(&[day.key().to_owned()])
}

#[asset(io_manager = "delta", partitions = Day, partition_expr = "day")]
fn all_days(days: PartitionSet<Day>) -> DataFrame {
    rows(&days.keys().keys().map(|day| day.to_string()).collect::<Vec<_>>())
}

/// Ten rows for each day.
fn rows(days: &[String]) -> DataFrame {
    let of = |day: &String| std::iter::repeat_n(day.clone(), 10);
    let day: Vec<String> = days.iter().flat_map(of).collect();
    let value: Vec<i64> = (0..).take(day.len()).collect();
    df!("day" => day, "value" => value).expect("both columns have one length")
}

fn main() -> Result<(), Box<dyn Error>> {
    let days: u64 = std::env::args().nth(1).map_or(Ok(1_000), |days| days.parse())?;
    let folder = tempfile::tempdir_in(std::env::var_os("BENCH_FOLDER").unwrap_or_else(|| ".".into()))?;
    measure(&folder.path().join("one"), "each_day", RunCut::One, days, "one run, a call for each day")?;
    measure(&folder.path().join("once"), "all_days", RunCut::One, days, "one run, one call")?;
    measure(&folder.path().join("many"), "each_day", RunCut::PerPartition, days, "a run for each day")?;
    Ok(())
}

fn measure(root: &Path, asset: &str, cut: RunCut, days: u64, what: &str) -> Result<(), Box<dyn Error>> {
    let lakehouse = Lakehouse::builder().root(root).registry(Registry::of(assets![each_day, all_days])).build()?;
    let key_of: AssetKey = asset.parse()?;
    let space = lakehouse.partitions(&key_of)?.ok_or("the asset has partitions")?;
    let key = |index: u64| space.key(index).to_string();
    let choice = PartitionChoice::none().range(key(0), key(days - 1));
    let backfill = lakehouse.plan_backfill(asset, &choice, &BackfillOptions::new().cut(cut).parallel(1))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let start = Instant::now();
    let status = runtime.block_on(lakehouse.start_backfill(&backfill, Interrupt::new()))?;
    let took = start.elapsed();
    assert!(status.is_success(), "no run fails");
    let location = lakehouse.locate(&key_of)?.ok_or("the asset is stored")?.to_string();
    let log = std::fs::read_dir(Path::new(location.trim_start_matches("file://")).join("_delta_log"))?;
    let names: Vec<String> = log.filter_map(Result::ok).map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    let ending = |ending: &str| names.iter().filter(|name| name.ends_with(ending)).count();
    let start = Instant::now();
    let rows = runtime.block_on(lakehouse.load_frame::<DataFrame>(&key_of))?.height();
    println!(
        "{what}: {} runs, {} entries of the Delta log, {} checkpoints; {:.2} ms a partition; {rows} rows, read in {:.0} ms",
        backfill.run_count(),
        ending(".json"),
        ending(".checkpoint.parquet"),
        took.as_secs_f64() * 1e3 / days as f64,
        start.elapsed().as_secs_f64() * 1e3,
    );
    Ok(())
}
