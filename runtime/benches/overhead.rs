//! What a step costs beside what it does: a lattice of 10,000 assets that do nothing, in memory, with the log in a file on the disk.
//!
//! `cargo bench -p lakewright --no-default-features --features fs,sqlite --bench overhead -- [ASSETS] [RUNS]`
//!
//! With `strace` installed it also counts how often the disk is told to flush. Before that, how long it takes from the start of a process until its
//! graph is ready, the keys and inputs of all assets read and checked.

#![expect(clippy::print_stdout, reason = "it is a program, and says what it measured")]
#![allow(missing_docs, reason = "it is a program")]

use std::error::Error;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lakewright::state::SqliteState;
use lakewright::{AssetBuilder, AssetSpec, Call, Lakehouse, Registry, ValueKind};

/// How many assets a layer has.
const LAYER: usize = 100;

/// Says to a child that it is only to run, under `strace`.
const QUIET: &str = "LAKEWRIGHT_BENCH_QUIET";

/// Says to a child that it is only to have its graph ready.
const START: &str = "LAKEWRIGHT_BENCH_START";

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (assets, runs) = (numbers.next().unwrap_or(10_000), numbers.next().unwrap_or(5));
    let quiet = std::env::var_os(QUIET).is_some();
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let log = folder.path().join("state.db");

    let specs = lattice(assets)?;
    let start = Instant::now();
    let state = Arc::new(SqliteState::new(&log));
    let lakehouse = Lakehouse::builder().registry(Registry::from_specs(specs)).state(state).build()?;
    let built = start.elapsed();
    if std::env::var_os(START).is_some() {
        println!("{READY}");
        std::process::exit(0);
    }
    if !quiet {
        println!("from the start of a process to its graph: {:.1} ms, the median of 9", ms(ready(assets)?));
    }
    let start = Instant::now();
    let plan = lakehouse.plan("*")?;
    let planned = start.elapsed();
    if !quiet {
        println!("{assets} assets: checked and made a graph in {:.1} ms, planned in {:.1} ms", ms(built), ms(planned));
    }
    drop(plan);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut times = Vec::new();
    for _ in 0..runs {
        let (before, written) = (size(&log), written());
        let start = Instant::now();
        let report = runtime.block_on(lakehouse.materialize("*"))?;
        let took = start.elapsed();
        assert!(report.is_success(), "no step fails");
        if !quiet {
            let per = |what: u64| what as f64 / assets as f64;
            println!(
                "{:6.1} µs a step, {:8.0} steps a second, {:5.0} bytes of log a step, {:5.0} bytes written a step",
                took.as_secs_f64() * 1e6 / assets as f64,
                assets as f64 / took.as_secs_f64(),
                per(size(&log).saturating_sub(before)),
                per(self::written().saturating_sub(written)),
            );
        }
        times.push(took);
    }
    times.sort_unstable();
    if !quiet {
        println!("median {:.1} µs a step", times[times.len() / 2].as_secs_f64() * 1e6 / assets as f64);
        flushes(assets)?;
    }
    Ok(())
}

/// What a child says when its graph is ready.
const READY: &str = "ready";

/// How long it takes from the start of a process until its graph is ready.
fn ready(assets: usize) -> Result<Duration, Box<dyn Error>> {
    let once = || -> Result<Duration, Box<dyn Error>> {
        let start = Instant::now();
        let mut child =
            Command::new(std::env::current_exe()?).arg(assets.to_string()).env(START, "1").stdout(Stdio::piped()).spawn()?;
        let mut said = [0; READY.len()];
        child.stdout.take().ok_or("a child without an output")?.read_exact(&mut said)?;
        let took = start.elapsed();
        child.wait()?;
        Ok(took)
    };
    let mut times = (0..9).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// Layers of assets, each made from two of the layer before.
fn lattice(assets: usize) -> Result<Vec<AssetSpec>, lakewright::Error> {
    let name = |number: usize| format!("layer{:03}/asset{:02}", number / LAYER, number % LAYER);
    let one = |number: usize| {
        let asset = AssetBuilder::new(name(number), ValueKind::Object).io_manager("memory");
        let asset = match number.checked_sub(LAYER) {
            None => asset,
            Some(above) => asset.input(name(above)).input(name(above - above % LAYER + (above + 1) % LAYER)),
        };
        asset.body(|call: Call| async move { call.produce_object(0_u8) })
    };
    (0..assets).map(one).collect()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How large the log is, with what is not yet in its main file.
fn size(log: &std::path::Path) -> u64 {
    let of = |path: std::path::PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    of(log.to_owned()) + of(log.with_extension("db-wal"))
}

/// How many bytes this process has had written to disks so far, where the system says.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).and_then(|bytes| bytes.parse().ok()).unwrap_or_default()
}

/// Runs itself once under `strace`, and says how often the disk was told to flush.
fn flushes(assets: usize) -> Result<(), Box<dyn Error>> {
    let itself = std::env::current_exe()?;
    let count = |runs: &str| -> Result<Option<usize>, Box<dyn Error>> {
        let traced = Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-e", "signal=none"])
            .arg(&itself)
            .args([&assets.to_string(), runs])
            .env(QUIET, "1")
            .output();
        let Ok(traced) = traced else { return Ok(None) };
        let lines = String::from_utf8_lossy(&traced.stderr).lines().filter(|line| line.contains("sync(")).count();
        Ok(traced.status.success().then_some(lines))
    };
    match (count("1")?, count("3")?) {
        (Some(one), Some(three)) => {
            let more = three.saturating_sub(one) as f64 / 2.0;
            println!("{more:.1} flushes a run of {assets} steps: {:.5} a step", more / assets as f64);
        }
        _ => println!("without `strace`, nobody counts the flushes"),
    }
    Ok(())
}
