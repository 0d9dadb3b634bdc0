//! Processes that are killed at any instant, and several that share one log and one lake: every row is there once.

mod kills;
mod together;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use lakewright::event::{Event, EventKind};
use lakewright::state::{RunQuery, RunState, SqliteState, State};
use polars::prelude::DataFrame;

use crate::support::{files_below, read_delta, read_file, texts};

/// The assets that every run makes, but for those in DuckDB.
const PARTS: usize = 3;

fn survivor(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_survivor"));
    command.args(arguments).env("LAKEWRIGHT_ROOT", root).current_dir(root).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn log(root: &Path) -> SqliteState {
    SqliteState::new(root.join(".lakewright").join("state.db"))
}

/// How many rows of each run there are.
fn by_run(frame: &DataFrame) -> BTreeMap<String, usize> {
    let mut runs = BTreeMap::new();
    for run in texts(frame, "run") {
        *runs.entry(run).or_default() += 1;
    }
    runs
}

/// A number from the environment.
fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// The runs in the order in which they began.
fn runs(root: &Path) -> Vec<String> {
    let mut runs = log(root).runs(&RunQuery::newest(usize::MAX)).unwrap();
    runs.reverse();
    for record in &runs {
        assert_eq!(record.recorded, RunState::Succeeded, "{record:?}");
        assert!(record.finished.is_some() && record.succeeded == record.steps, "{record:?}");
    }
    runs.into_iter().map(|record| record.run).collect()
}

/// A table of Delta where every run has appended the same number of rows once.
#[track_caller]
fn appended_once(root: &Path, table: &str, runs: &[String], rows: usize) {
    let found = by_run(&read_delta(&root.join("delta/public").join(table)));
    let expected: BTreeMap<String, usize> = runs.iter().map(|run| (run.clone(), rows)).collect();
    assert_eq!(found, expected, "`{table}`");
}

/// A table of Delta with the rows of one run, twice as many as there are parts.
#[track_caller]
fn is_of(root: &Path, table: &str, run: &str, rows: usize) {
    let found = by_run(&read_delta(&root.join("delta/public").join(table)));
    assert_eq!(found, BTreeMap::from([(run.to_owned(), rows)]), "`{table}`");
}

/// The rows of all Parquet files of an asset.
fn parquet(root: &Path, asset: &str) -> Vec<DataFrame> {
    let folder = root.join("parquet");
    let of = |path: &std::path::PathBuf| {
        let text = path.to_string_lossy();
        text.ends_with(".parquet") && !text.contains(".lakewright") && text.contains(asset)
    };
    files_below(&folder).into_iter().filter(of).map(|path| read_file(&folder.join(path))).collect()
}

/// Every run is told from its beginning to its end, and every commit once.
#[track_caller]
fn well_told(root: &Path) -> Vec<Event> {
    let events = log(root).events(0, usize::MAX).unwrap();
    let mut numbers = BTreeMap::new();
    for (before, event) in [0].into_iter().chain(events.iter().map(|event| event.cursor)).zip(&events) {
        assert!(event.cursor > before);
        if let EventKind::RunStarted { steps, numbers: issued, .. } = &event.kind {
            for (step, issued) in steps.iter().zip(issued) {
                for ((asset, slice), number) in step.assets.iter().zip(&step.slices).zip(issued) {
                    let last = numbers.insert((asset.clone(), slice.digest()), *number).unwrap_or_default();
                    assert!(*number > last, "{asset} {number} after {last}");
                }
            }
        }
    }
    events
}
