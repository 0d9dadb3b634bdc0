//! Several processes write one table at once, and one is killed in the middle of a write.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use lakewright::io::{Maintenance, Vacuum};
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec};
use tempfile::tempdir;

use crate::partitions::{live_files, live_rows};
use crate::support::{block_on, files_below, integers, key, lakehouse, open_delta};

const WRITERS: i64 = 8;

/// How many slices each process writes.
fn slices() -> i64 {
    std::env::var("LAKEWRIGHT_TEST_SLICES").map_or(3, |text| text.parse().unwrap())
}

fn writer(root: &Path, first: i64, count: i64, round: i64) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_writers"));
    command.arg(root).args([first, count, round].map(|number| number.to_string())).env_remove("LAKEWRIGHT_ROOT");
    command
}

fn asset() -> AssetSpec {
    let days = PartitionsDef::time("Days", TimeDef::new(Every::Day, "2020-01-01").unwrap());
    AssetBuilder::new("t", ValueKind::Table).partitions(days).partition_expr("day").body(|_| async { unreachable!() }).unwrap()
}

#[test]
fn eight_processes_write_their_slices_into_one_table_twice() {
    let root = tempdir().unwrap();
    let each = slices();
    let path = root.path().join("delta/public/t");
    for round in 1..=2 {
        let children: Vec<Child> =
            (0..WRITERS).map(|index| writer(root.path(), index * each, each, round).spawn().unwrap()).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success(), "no run fails");
        }
        assert_eq!(
            open_delta(&path).version(),
            Some(u64::try_from(WRITERS * each * round - 1).unwrap()),
            "a version for each run"
        );
        let ours = lakehouse(&root, [asset()]).build().unwrap();
        let stored = block_on(ours.stored_partitions(&key("t"))).unwrap();
        assert_eq!(stored.len(), u64::try_from(WRITERS * each).unwrap());
        let rows = live_rows(&path);
        assert_eq!(i64::try_from(rows.len()).unwrap(), WRITERS * each * 3);
        assert!(rows.iter().all(|row| row.ends_with(&format!("round={round}"))), "only what was written last");
        let all: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
        assert_eq!(integers(&all, "n").len(), rows.len());
    }
}

#[test]
fn a_process_that_is_killed_before_its_commit_leaves_the_table_and_files_that_a_vacuum_removes() {
    let root = tempdir().unwrap();
    let path = root.path().join("delta/public/t");
    assert!(writer(root.path(), 0, 2, 1).status().unwrap().success());
    let (rows, files) = (live_rows(&path), live_files(&path));
    let staged = root.path().join("staged");
    let mut child = writer(root.path(), 0, 1, 2).arg(&staged).spawn().unwrap();
    while !staged.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it had staged");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((live_rows(&path), live_files(&path)), (rows.clone(), files));
    let parquet = || files_below(&path).iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet")).count();
    assert_eq!(parquet(), 3, "the file that it staged is left");

    let ours = lakehouse(&root, [asset()]).build().unwrap();
    let vacuum = |older_than, force| {
        let what = Vacuum { older_than, force, apply: true };
        block_on(ours.maintain(&key("t"), None, Maintenance::Vacuum(what)))
    };
    assert!(
        vacuum(None, false).unwrap().removed.is_empty(),
        "it is younger than the retention, and might be about to be committed"
    );
    assert!(vacuum(Some(Duration::ZERO), false).is_err(), "which is only gone below by force");
    assert_eq!(parquet(), 3);
    // A clock that has not moved on since the file was written would keep it.
    let removed = loop {
        let removed = vacuum(Some(Duration::ZERO), true).unwrap().removed;
        if !removed.is_empty() {
            break removed;
        }
    };
    assert_eq!(removed.len(), 1, "{removed:?}");
    assert_eq!((parquet(), live_rows(&path)), (2, rows));
    // What was left by the process that is gone hinders nobody.
    assert!(writer(root.path(), 0, 2, 3).status().unwrap().success());
    assert!(live_rows(&path).iter().all(|row| row.ends_with("round=3")));
}
