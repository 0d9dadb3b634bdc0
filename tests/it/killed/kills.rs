//! One run after the other, each killed and gone on with until it has ended. `LAKEWRIGHT_TEST_KILLS` says how often.

#![expect(clippy::print_stdout, reason = "what was going on at the kills belongs to what the test says")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::Duration;

use lakewright::event::{Event, EventKind};
use lakewright::state::{RunQuery, RunState, State};
use tempfile::tempdir;

use super::{PARTS, appended_once, by_run, is_of, log, number, parquet, runs, survivor, well_told};
use crate::support::files_below;

/// A random number from a seed (`SplitMix64`), so that a failure can be made again as far as processes can.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Lets a process say a number of events and go on for a while, and kills it; what it said last, or nothing if it had ended before.
fn kill(mut child: Child, events: u64, pause: Duration) -> Option<String> {
    let mut last = "before its first event".to_owned();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = 0;
    let mut ended = true;
    for line in lines {
        let Ok(event) = serde_json::from_str::<Event>(&line.unwrap()) else { continue };
        let json = serde_json::to_value(&event.kind).unwrap();
        last = format!("after {}", json["kind"].as_str().unwrap());
        said += 1;
        if said >= events {
            ended = false;
            break;
        }
    }
    std::thread::sleep(pause);
    let ended = ended && child.try_wait().unwrap().is_some_and(|status| status.success());
    child.kill().unwrap();
    child.wait().unwrap();
    (!ended).then_some(last)
}

#[test]
fn runs_that_are_killed_again_and_again_come_to_their_end_and_every_row_is_there_once() {
    let root = tempdir().unwrap();
    let root = root.path();
    let kills = number("LAKEWRIGHT_TEST_KILLS", 12);
    let mut seed = number("LAKEWRIGHT_TEST_SEED", 1) as u64;
    let mut when: BTreeMap<String, usize> = BTreeMap::new();
    let mut killed = 0;
    while killed < kills {
        // Every other time a run is begun, and in between it is gone on with.
        let open = log(root).runs(&RunQuery::newest(1)).unwrap().into_iter().find(|last| last.recorded != RunState::Succeeded);
        let mut child = match &open {
            Some(record) => survivor(root, &["resume", &record.run]),
            None => survivor(root, &["materialize", "*", "--all-partitions"]),
        };
        let left = open.map_or(60, |record| 4 * (record.steps - record.succeeded) + 4);
        let events = random(&mut seed) % left;
        let pause = Duration::from_micros(random(&mut seed) % 30_000);
        if events == 0 {
            let mut child = child.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(random(&mut seed) % 400));
            child.kill().unwrap();
            child.wait().unwrap();
            *when.entry("at a random moment".to_owned()).or_default() += 1;
            killed += 1;
        } else if let Some(last) = kill(child.spawn().unwrap(), events, pause) {
            *when.entry(last).or_default() += 1;
            killed += 1;
        }
    }
    if let Some(open) =
        log(root).runs(&RunQuery::newest(1)).unwrap().into_iter().find(|last| last.recorded != RunState::Succeeded)
    {
        let ended = survivor(root, &["resume", &open.run]).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    }
    let ended = survivor(root, &["materialize", "*", "--all-partitions"]).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    let runs = runs(root);
    println!("{killed} kills in {} runs: {when:?}", runs.len());

    let last = runs.last().unwrap();
    is_of(root, "base", last, 2);
    is_of(root, "parts", last, 2 * PARTS);
    is_of(root, "merged", last, 2);
    is_of(root, "first", &runs[0], 2);
    appended_once(root, "added", &runs, 2);
    appended_once(root, "added_parts", &runs, 2 * PARTS);
    let files = parquet(root, "files");
    assert_eq!(files.iter().map(by_run).collect::<Vec<_>>(), [BTreeMap::from([(last.clone(), 2)])]);
    let parts = parquet(root, "file_parts");
    assert_eq!(parts.len(), PARTS);
    assert!(parts.iter().all(|part| by_run(part) == BTreeMap::from([(last.clone(), 2)])));
    #[cfg(feature = "duckdb")]
    duckdb(root, &runs);

    let events = well_told(root);
    let stored = events.iter().filter(|event| matches!(event.kind, EventKind::Reconciled { .. })).count();
    println!("{stored} commits were found in their stores and not in the log");
    let spools: Vec<_> = files_below(root).into_iter().filter(|path| path.to_string_lossy().contains("spool")).collect();
    assert!(spools.len() <= killed, "what a stream waits in is left by none but those that were killed: {spools:?}");
}

#[cfg(feature = "duckdb")]
fn duckdb(root: &std::path::Path, runs: &[String]) {
    let database = lakewright::duckdb::DuckDb::open(root.join("duckdb/lakewright.duckdb"));
    let sql = database.connection().unwrap();
    let found = |table: &str| by_run(&sql.query::<polars::prelude::DataFrame>(&format!("SELECT * FROM public.{table}")).unwrap());
    let last = runs.last().unwrap().clone();
    let each = |rows: usize| runs.iter().map(|run| (run.clone(), rows)).collect::<BTreeMap<_, _>>();
    assert_eq!(found("duck"), BTreeMap::from([(last.clone(), 2)]));
    assert_eq!(found("duck_merged"), BTreeMap::from([(last, 2)]));
    assert_eq!(found("duck_added"), each(2));
    assert_eq!(found("duck_added_parts"), each(2 * PARTS));
}
