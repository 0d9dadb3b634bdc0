//! How long it takes to know what became of a million partitions, each of which was stored, or failed, or neither, on its own: where they
//! were written into the log by no run, so that nobody has summed them up, and asked again; and of a tenth as many after the run that made
//! each in a step of its own.
//!
//! `cargo bench -p lakewright --no-default-features --features fs,sqlite --bench status -- [PARTITIONS]`
//!
//! With the feature `postgres`, and the URL of a server in `LAKEWRIGHT_POSTGRES`, also where the log is there.

#![expect(clippy::print_stdout, reason = "it is a program, and says what it measured")]
#![allow(missing_docs, reason = "it is a program")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lakewright::asset::Input;
use lakewright::event::{EventKind, Failure, RunAbout, StepSummary};
use lakewright::exec::PartitionChoice;
use lakewright::partition::{Every, KeySpace, PartitionsDef, TimeDef};
use lakewright::state::{PartitionStatus, SqliteState, State};
use lakewright::{AssetBuilder, AssetKey, Call, ErrorKind, Lakehouse, Registry, Slice, ValueKind};

/// How many events are appended at once.
const BATCH: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let partitions = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let state: Arc<dyn State> = Arc::new(SqliteState::new(folder.path().join("state.db")));
    measure("SQLite", &state, partitions)?;
    #[cfg(feature = "postgres")]
    if let Ok(url) = std::env::var("LAKEWRIGHT_POSTGRES") {
        let state = lakewright::state::PostgresState::new(url).schema(format!("bench {}", std::process::id()));
        measure("PostgreSQL", &(Arc::new(state) as Arc<dyn State>), partitions)?;
    }
    Ok(())
}

fn measure(name: &str, state: &Arc<dyn State>, partitions: i64) -> Result<(), Box<dyn Error>> {
    let start = Timestamp::now() - jiff::SignedDuration::from_hours(partitions);
    let def = TimeDef::new(Every::Hour, &start.strftime("%Y-%m-%d").to_string())?;
    let asset = AssetBuilder::new("hours", ValueKind::Object).io_manager("memory").partitions(PartitionsDef::time("Hour", def));
    let asset = asset.body(|call: Call| async move { call.produce_object(0_u8) })?;
    let lakehouse = Lakehouse::builder().registry(Registry::from_specs([asset])).state(Arc::clone(state)).build()?;
    let key: AssetKey = "hours".parse()?;
    let space = lakehouse.partitions(&key)?.ok_or("the asset has partitions")?;
    let took = fill(state.as_ref(), &key, &space)?;
    println!("{name}: {} partitions recorded in {:.1} s", space.len(), took.as_secs_f64());

    let mut times = Vec::new();
    for number in 0..7 {
        let start = Instant::now();
        let materialized = lakehouse.recorded_partitions(&key, PartitionStatus::Materialized)?;
        let failed = lakehouse.recorded_partitions(&key, PartitionStatus::Failed)?;
        let missing = space.all().difference(&materialized).difference(&failed);
        let took = start.elapsed();
        if number == 0 {
            println!("{} materialized, {} failed, {} missing", materialized.len(), failed.len(), missing.len());
            println!("the first time, when all of it is read: {:.1} ms", took.as_secs_f64() * 1e3);
        } else {
            times.push(took);
        }
    }
    times.sort_unstable();
    println!("after that: {:.1} ms (median of {})", times[times.len() / 2].as_secs_f64() * 1e3, times.len());
    after_a_run(state, partitions / 10)
}

/// Asks once for what a run has made, each partition from the one before.
fn after_a_run(state: &Arc<dyn State>, partitions: i64) -> Result<(), Box<dyn Error>> {
    let start = Timestamp::now() - jiff::SignedDuration::from_hours(partitions);
    let hours = TimeDef::new(Every::Hour, &start.strftime("%Y-%m-%d").to_string())?;
    let lakehouse = || -> Result<Lakehouse, Box<dyn Error>> {
        let asset = AssetBuilder::new("chain", ValueKind::Object).io_manager("memory").input(Input::previous("chain"));
        let asset = asset.partitions(PartitionsDef::time("Hour", hours.clone()));
        let asset = asset.body(|call: Call| async move { call.produce_object(0_u8) })?;
        Ok(Lakehouse::builder().registry(Registry::from_specs([asset])).state(Arc::clone(state)).build()?)
    };
    let began = Instant::now();
    let report = lakehouse()?.materialize_for_blocking("chain", &PartitionChoice::all())?;
    let took = began.elapsed();
    let asked = Instant::now();
    let materialized = lakehouse()?.recorded_partitions(&"chain".parse()?, PartitionStatus::Materialized)?;
    let answered = asked.elapsed();
    println!("{} partitions made by a run in {:.1} s ({:?})", materialized.len(), took.as_secs_f64(), report.status);
    println!("the first time after it: {:.1} ms", answered.as_secs_f64() * 1e3);
    Ok(())
}

/// Of ten partitions seven are stored and two failed, each by an event of its own.
fn fill(state: &dyn State, key: &AssetKey, space: &KeySpace) -> Result<Duration, Box<dyn Error>> {
    let now = Timestamp::now();
    let start = Instant::now();
    let mut events = Vec::new();
    let mut failing: Vec<Slice> = Vec::new();
    for index in 0..space.len() {
        let slice = space.none().only(index).slice();
        match index % 10 {
            0 => {}
            1 | 2 => failing.push(slice),
            _ => events.push((now, EventKind::Reported { asset: key.clone(), slice, metadata: Vec::new() })),
        }
        if events.len() >= BATCH {
            state.append_all("reports", std::mem::take(&mut events))?;
        }
    }
    state.append_all("reports", events)?;
    for (number, slices) in failing.chunks(BATCH).enumerate() {
        let step = |slice: &Slice| StepSummary { assets: vec![key.clone()], slices: vec![slice.clone()], after: Vec::new() };
        let steps: Vec<StepSummary> = slices.iter().map(step).collect();
        let failure = Failure::from(&lakewright::Error::new(ErrorKind::Value, "it failed"));
        let failed = |step| (now, EventKind::StepFailed { step, failure: failure.clone() });
        let mut events: Vec<_> = (0..steps.len()).map(failed).collect();
        let first = EventKind::RunStarted {
            steps,
            fingerprint: String::new(),
            plan_at: None,
            numbers: Vec::new(),
            about: RunAbout::default(),
        };
        events.insert(0, (now, first));
        state.append_all(&format!("failures {number}"), events)?;
    }
    Ok(start.elapsed())
}
