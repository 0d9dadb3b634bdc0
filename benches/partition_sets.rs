//! How long it takes to plan a backfill of what is missing of a million partitions: 3,650 days of 274 static keys each, every second
//! of them materialized.
//!
//! `cargo run --release -p lakewright-benches --bin partition_sets`

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "it is a program, and says what it measured")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use lakewright::event::EventKind;
use lakewright::exec::PartitionChoice;
use lakewright::partition::{Every, KeySet, PartitionsDef, TimeDef};
use lakewright::state::{MemoryState, State};
use lakewright::{AssetBuilder, AssetKey, CommitId, Lakehouse, Registry, ValueKind};

fn main() -> Result<(), Box<dyn Error>> {
    let days = PartitionsDef::time("Day", TimeDef::new(Every::Day, "2015-01-01")?.end("2024-12-29")?);
    let keys: Vec<String> = (0..274).map(|number| format!("station-{number:03}")).collect();
    let stations = PartitionsDef::fixed("Station", &keys)?;
    let def = PartitionsDef::multi("DayStation", [("date", days), ("station", stations)])?;
    let asset = AssetBuilder::new("readings", ValueKind::Object)
        .io_manager("memory")
        .partitions(def)
        .body(|call| async move { call.produce_object(0) })?;
    let registry = Registry::from_specs([asset]);
    let state: Arc<dyn State> = Arc::new(MemoryState::new("bench"));
    let lakehouse = Lakehouse::builder().registry(registry).state(Arc::clone(&state)).build()?;
    let key: AssetKey = "readings".parse()?;

    let timed = |what: &str, start: Instant| println!("{what:<52} {:8.2} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    let space = lakehouse.partitions(&key)?.ok_or("partitioned")?;
    let all = space.all();
    timed(&format!("all {} partitions", all.len()), start);

    let half: Vec<u64> = all.indices().filter(|index| (index * 2_654_435_761) >> 7 & 1 == 0).collect();
    let start = Instant::now();
    let mut materialized: KeySet = space.none();
    for index in &half {
        materialized.insert(*index);
    }
    timed(&format!("a random half, {} inserted one by one", materialized.len()), start);
    let start = Instant::now();
    let missing = all.difference(&materialized);
    let none = missing.intersection(&materialized);
    timed(&format!("difference and intersection: {} and {}", missing.len(), none.len()), start);

    // The plan of what is missing: of nothing recorded, of nine years, and of the random half.
    let years = space.product(&[space.range(0, "2015-01-01", "2023-12-31")?, keys.clone()])?;
    for recorded in [space.none(), years, materialized] {
        record(state.as_ref(), &key, &recorded)?;
        let start = Instant::now();
        let plan = lakehouse.plan_for("readings", &PartitionChoice::missing())?;
        timed(&format!("plan of the missing beside {} recorded: {} step", recorded.len(), plan.steps.len()), start);
    }
    let start = Instant::now();
    let slice = missing.slice();
    timed("the slice of the random half", start);
    let start = Instant::now();
    let known = space.known(&slice);
    timed(&format!("and back: {}", known.len()), start);
    Ok(())
}

/// Records these partitions as a run that has stored them does.
fn record(state: &dyn State, asset: &AssetKey, keys: &KeySet) -> Result<(), Box<dyn Error>> {
    let slice = keys.slice();
    let materialization = serde_json::from_value(serde_json::json!({
        "asset": asset, "slice": slice, "store": "memory", "location": "", "version": null, "rows": null, "table_rows": null,
        "bytes": null, "columns": [], "code_version": null, "metadata": [], "attempt": 1,
        "commit": CommitId::new("bench", asset, &slice, 1),
    }))?;
    state.append(
        "bench",
        lakewright::jiff::Timestamp::now(),
        EventKind::Materialized { step: 0, materialization: Arc::new(materialization) },
    )?;
    Ok(())
}
