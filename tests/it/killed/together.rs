//! Several processes over one log and one lake. `LAKEWRIGHT_TEST_PROCESSES` and `LAKEWRIGHT_TEST_RUNS` say how many, and how many runs
//! each begins.

use tempfile::tempdir;

use super::{PARTS, appended_once, is_of, number, runs, survivor, well_told};
use crate::support::read_delta;

/// What the processes make: some the same, some what others read, some nothing of the others.
const SELECTIONS: [&str; 4] = ["*added", "*parts", "added_parts", "*added or *parts"];

#[test]
fn processes_that_share_a_log_wait_for_each_other_and_every_row_is_there_once() {
    let root = tempdir().unwrap();
    let root = root.path();
    let (processes, each) = (number("LAKEWRIGHT_TEST_PROCESSES", 4), number("LAKEWRIGHT_TEST_RUNS", 3));
    // What one of them only reads has to be there.
    assert!(survivor(root, &["again", "1", "base"]).status().unwrap().success());
    let times = each.to_string();
    // What they print is read as they go: one whose pipe is full stands still, and the others take it for lost.
    let children: Vec<_> = (0..processes)
        .map(|process| {
            let child = survivor(root, &["again", &times, SELECTIONS[process % SELECTIONS.len()]]).spawn().unwrap();
            std::thread::spawn(move || child.wait_with_output().unwrap())
        })
        .collect();
    for child in children {
        let output = child.join().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default());
    }
    let runs = runs(root);
    assert_eq!(runs.len(), 1 + processes * each, "a run that was refused is none");
    let events = well_told(root);
    let made = |asset: &str| -> Vec<String> {
        let of = |event: &&lakewright::event::Event| match &event.kind {
            lakewright::event::EventKind::Materialized { materialization, .. } => materialization.asset.to_string() == asset,
            _ => false,
        };
        events.iter().filter(of).map(|event| event.run.clone()).collect()
    };
    appended_once(root, "added", &made("added"), 2);
    appended_once(root, "added_parts", &made("added_parts"), 2 * PARTS);
    is_of(root, "base", made("base").last().unwrap(), 2);
    is_of(root, "parts", made("parts").last().unwrap(), 2 * PARTS);
    assert_eq!(read_delta(&root.join("delta/public/base")).height(), 2);
}
