//! Maintenance: rows, slices and versions stay right, and nothing that somebody needs is removed.

use std::path::PathBuf;
use std::time::Duration;

use lakewright::asset::Mode;
use lakewright::exec::PartitionChoice;
use lakewright::io::delta::{DeltaIoManager, DeltaMaintenance};
use lakewright::io::{Maintained, Maintenance, Vacuum};
use lakewright::jiff::{SignedDuration, Timestamp};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind};
use tempfile::{TempDir, tempdir};

use super::{action, actions};
use crate::partitions::moments::Clock;
use crate::partitions::{Sliced, days, fixed, live_files, live_rows, numbered, rows};
use crate::support::{abc, block_on, files_below, frame_asset, frame_builder, integers, key, lakehouse, open_delta, run_all};

fn do_it(lakehouse: &Lakehouse, what: Maintenance) -> lakewright::Result<Maintained> {
    block_on(lakehouse.maintain(&key("t"), None, what))
}

fn optimize() -> Maintenance {
    Maintenance::Optimize { target_bytes: None }
}

/// A table to which `n` rows were appended one by one.
fn appended(root: &TempDir, n: i64) -> (Lakehouse, PathBuf) {
    let mut last = None;
    for number in 0..n {
        let asset = frame_builder("t", df!("n" => [number]).unwrap(), |asset| asset.mode(Mode::Append));
        let ours = lakehouse(root, [asset]).build().unwrap();
        run_all(&ours);
        last = Some(ours);
    }
    (last.unwrap(), root.path().join("delta/public/t"))
}

#[test]
fn small_files_become_one_with_their_rows_in_order() {
    let root = tempdir().unwrap();
    let (ours, path) = appended(&root, 5);
    let done = do_it(&ours, optimize()).unwrap();
    assert_eq!((done.changed, done.removed.len(), done.added.len(), done.version), (true, 5, 1, Some(5)));
    assert_eq!(live_files(&path).len(), 1);
    let all: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&all, "n"), [0, 1, 2, 3, 4]);
    let log = actions(&path, 5);
    assert!(log.iter().filter_map(|action| action.get("add").or(action.get("remove"))).all(|file| file["dataChange"] == false));
    assert!(action(&log, "add")["stats"].as_str().unwrap().contains("\"numRecords\":5"));
    assert_eq!(block_on(ours.describe(&key("t"))).unwrap().rows, Some(5));
    assert!(!do_it(&ours, optimize()).unwrap().changed, "once is enough");
    assert_eq!(open_delta(&path).version(), Some(5));
    run_all(&ours);
    let all: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&all, "n"), [0, 1, 2, 3, 4, 4], "what comes later comes after");
}

#[test]
fn slices_keep_files_of_their_own() {
    let at = |day: &str, n: &[i64]| {
        let frame = numbered("at", day, n).lazy();
        frame
            .with_column(col("at").cast(DataType::Date).cast(DataType::Datetime(TimeUnit::Microseconds, None)))
            .collect()
            .unwrap()
    };
    let table = Sliced::new(days(), |asset| asset.partition_expr("at").mode(Mode::Append));
    for n in 0..3 {
        table.write("2023-01-01", at("2023-01-01", &[n]));
        table.write("2023-01-02", at("2023-01-02", &[n + 10]));
    }
    table.write("2023-01-03", at("2023-01-03", &[]));
    let before = table.live();
    let done = do_it(&table.lakehouse, optimize()).unwrap();
    assert_eq!((done.removed.len(), done.added.len()), (6, 2));
    assert_eq!((table.live(), table.stored().len()), (before, 3));
    assert_eq!(integers(&table.read("2023-01-02").unwrap(), "n"), [10, 11, 12]);
    let whole = table.redefined(days(), |asset| asset.partition_expr("at"));
    let other = live_files(&table.path());
    whole.write("2023-01-01", at("2023-01-01", &[7]));
    assert_eq!(
        live_files(&table.path()).iter().filter(|file| other.contains(file)).count(),
        2,
        "the other slices are not written again"
    );

    let table = Sliced::new(fixed(["a b", "ö/%"]), |asset| asset.partition_expr("x").mode(Mode::Append));
    for n in 0..2 {
        table.write("a b", numbered("x", "a b", &[n]));
        table.write("ö/%", numbered("x", "ö/%", &[n]));
    }
    let before = table.live();
    assert_eq!(do_it(&table.lakehouse, optimize()).unwrap().added.len(), 2);
    assert_eq!(table.live(), before);
    let removed =
        do_it(&table.lakehouse, Maintenance::Vacuum(Vacuum { older_than: Some(Duration::ZERO), force: true, apply: true }));
    assert!(removed.unwrap().removed.len() <= 4);
    assert_eq!(table.live(), before, "names that are encoded in paths are known as files of the table");
}

#[test]
fn a_vacuum_lists_first_keeps_what_is_young_and_removes_what_nobody_needs() {
    let root = tempdir().unwrap();
    let ours = lakehouse(&root, [frame_asset("t", abc())]).build().unwrap();
    run_all(&ours);
    run_all(&ours);
    let path = root.path().join("delta/public/t");
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    let files = files_below(&path);
    let vacuum = |older_than, force, apply| do_it(&ours, Maintenance::Vacuum(Vacuum { older_than, force, apply }));
    assert!(vacuum(None, false, true).unwrap().removed.is_empty(), "seven days have not passed");
    for (seconds, said) in [(25 * 3600, "25 hours"), (90 * 60, "90 minutes"), (1, "1 second")] {
        let error = vacuum(Some(Duration::from_secs(seconds)), false, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Selection);
        assert!(error.to_string().contains(&format!("kept for 7 days, and those of {said} ago")), "{error}");
        assert!(error.help_text().unwrap().contains("`--force`"), "{error:?}");
    }
    let listed = loop {
        let listed = vacuum(Some(Duration::ZERO), true, false).unwrap();
        if !listed.removed.is_empty() {
            break listed;
        }
    };
    assert_eq!((listed.removed.len(), listed.changed), (1, false));
    assert!(listed.removed_bytes() > 0);
    assert_eq!(files_below(&path), files, "a list removes nothing");
    let removed = vacuum(Some(Duration::ZERO), true, true).unwrap();
    assert_eq!((removed.removed, removed.changed), (listed.removed, true));
    assert_eq!(files_below(&path).len(), files.len() - 1);
    assert!(path.join("notes.txt").exists(), "what is no data file is not touched");
    let stored: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&stored, "a"), [1, 2, 3]);

    let error = do_it(&ours, Maintenance::Restore { version: 0 }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().contains("1 of its files are gone"), "{error}");
    assert_eq!(open_delta(&path).version(), Some(1));
}

#[test]
fn a_file_that_came_back_and_went_again_is_kept_from_the_last_time() {
    let root = tempdir().unwrap();
    let days_ago = |days: i64| Clock::at(Timestamp::now() - SignedDuration::from_hours(24 * days));
    let on = |days| lakehouse(&root, [frame_asset("t", abc())]).env(days_ago(days)).build().unwrap();
    run_all(&on(20));
    let path = root.path().join("delta/public/t");
    let first = live_files(&path).remove(0);
    run_all(&on(18));
    do_it(&on(14), Maintenance::Restore { version: 0 }).unwrap();
    run_all(&on(1));
    for file in files_below(&path).iter().filter(|file| file.extension().is_some_and(|end| end == "parquet")) {
        let old = std::time::SystemTime::now() - Duration::from_hours(24 * 19);
        std::fs::File::options().write(true).open(path.join(file)).unwrap().set_modified(old).unwrap();
    }
    let vacuum = Maintenance::Vacuum(Vacuum { older_than: None, force: false, apply: true });
    let removed: Vec<_> = do_it(&on(0), vacuum).unwrap().removed.into_iter().map(|file| file.path).collect();
    assert!(path.join(&first).exists(), "it went a day ago: {removed:?}");
    assert_eq!(removed.len(), 1, "the other went a fortnight ago");
}

#[test]
fn a_vacuum_leaves_tables_below_the_table_alone() {
    let root = tempdir().unwrap();
    let whole = lakehouse(&root, [frame_asset("t", abc())]).build().unwrap();
    run_all(&whole);
    let snapshots = frame_builder("t", abc(), |asset| asset.partitions(fixed(["a"])));
    let snapshots = lakehouse(&root, [snapshots]).build().unwrap();
    for _ in 0..2 {
        let report = snapshots.materialize_for_blocking("t", &PartitionChoice::none().key("a")).unwrap();
        assert!(report.is_success());
    }
    let below = root.path().join("delta/public/t/a");
    let before = files_below(&below);
    let vacuum = Maintenance::Vacuum(Vacuum { older_than: Some(Duration::ZERO), force: true, apply: true });
    do_it(&whole, vacuum).unwrap();
    assert_eq!(files_below(&below), before);
    assert_eq!(live_rows(&below).len(), 3);
}

#[test]
fn files_that_no_log_knows_are_kept_for_a_week_whatever_the_table_says() {
    let root = tempdir().unwrap();
    let asset = frame_builder("t", abc(), |asset| {
        asset.store_option("table_properties", "delta.deletedFileRetentionDuration=interval 1 hour")
    });
    let ours = lakehouse(&root, [asset]).build().unwrap();
    run_all(&ours);
    let path = root.path().join("delta/public/t");
    // As a long run stages it.
    let staged = path.join("part-00000-0123456789abcdef.parquet");
    std::fs::copy(path.join(live_files(&path).remove(0)), &staged).unwrap();
    let hours = |hours| std::time::SystemTime::now() - Duration::from_hours(hours);
    let vacuum = || {
        let vacuum = Maintenance::Vacuum(Vacuum { older_than: None, force: false, apply: true });
        do_it(&ours, vacuum).unwrap().removed.len()
    };
    let written = std::fs::File::options().write(true).open(&staged).unwrap();
    written.set_modified(hours(48)).unwrap();
    assert_eq!((vacuum(), staged.exists()), (0, true), "a run may take two days");
    written.set_modified(hours(24 * 8)).unwrap();
    assert_eq!((vacuum(), staged.exists()), (1, false));
}

#[test]
fn an_earlier_version_comes_back_once() {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", abc())]).build().unwrap());
    let other = frame_builder("t", df!("x" => [1i64]).unwrap(), |asset| asset.store_option("schema_mode", "overwrite"));
    let ours = lakehouse(&root, [other]).build().unwrap();
    run_all(&ours);
    let restore = Maintenance::Restore { version: 0 };
    let done = do_it(&ours, restore.clone()).unwrap();
    assert_eq!((done.changed, done.version), (true, Some(2)));
    let stored: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert!(stored.equals(&abc()), "with the columns that it had");
    let again = do_it(&ours, restore).unwrap();
    assert_eq!((again.changed, again.version), (false, Some(2)));
    let error = do_it(&ours, Maintenance::Restore { version: 9 }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
    run_all(&ours);
    let history = do_it(&ours, Maintenance::History { most: 3 }).unwrap().history;
    let seen: Vec<_> = history.iter().map(|past| (past.version, past.operation.clone().unwrap())).collect();
    assert_eq!(seen, [(3, "WRITE".to_owned()), (2, "RESTORE".to_owned()), (1, "WRITE".to_owned())]);
    assert!(history.iter().all(|past| past.at.is_some() && past.run.is_some()));
}

#[test]
fn a_checkpoint_is_what_readers_start_from() {
    let root = tempdir().unwrap();
    let (ours, path) = appended(&root, 3);
    assert_eq!(do_it(&ours, Maintenance::Checkpoint).unwrap().version, Some(2));
    assert!(path.join("_delta_log/00000000000000000002.checkpoint.parquet").exists());
    let all: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&all, "n"), [0, 1, 2]);
    assert_eq!(live_rows(&path).len(), 3);
}

#[test]
fn maintenance_follows_commits_by_itself() {
    let root = tempdir().unwrap();
    let store = || {
        let policy = DeltaMaintenance::new().checkpoint_every(2).optimize_every(3).vacuum_every(3);
        DeltaIoManager::new(root.path().join("delta")).maintenance(policy)
    };
    for number in 0..4i64 {
        let asset = frame_builder("t", df!("n" => [number]).unwrap(), |asset| asset.mode(Mode::Append));
        run_all(&lakehouse(&root, [asset]).io_manager("delta", store()).build().unwrap());
    }
    let path = root.path().join("delta/public/t");
    assert!(path.join("_delta_log/00000000000000000002.checkpoint.parquet").exists());
    assert_eq!((open_delta(&path).version(), live_files(&path).len()), (Some(4), 1));
    assert_eq!(live_rows(&path), rows([&df!("n" => [0i64, 1, 2, 3]).unwrap()]));
}

#[test]
fn maintenance_follows_commits_to_tables_of_partitions_as_well() {
    let root = tempdir().unwrap();
    let policy = DeltaMaintenance::new().checkpoint_every(2);
    let store = DeltaIoManager::new(root.path().join("delta")).maintenance(policy);
    let snapshots = frame_builder("t", abc(), |asset| asset.partitions(fixed(["a"])));
    let ours = lakehouse(&root, [snapshots]).io_manager("delta", store).build().unwrap();
    for _ in 0..3 {
        assert!(ours.materialize_for_blocking("t", &PartitionChoice::none().key("a")).unwrap().is_success());
    }
    assert!(root.path().join("delta/public/t/a/_delta_log/00000000000000000002.checkpoint.parquet").exists());
}

#[test]
fn what_has_no_tables_or_no_table_says_so() {
    let root = tempdir().unwrap();
    let kept = |asset: AssetBuilder| asset.io_manager("memory");
    let ours = lakehouse(&root, [frame_builder("m", abc(), kept), frame_asset("t", abc())]).build().unwrap();
    for (what, said) in [(optimize(), "compact files"), (Maintenance::History { most: 3 }, "list versions")] {
        let error = block_on(ours.maintain(&key("m"), None, what)).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, &*format!("the store of `m` does not {said}")));
    }
    assert_eq!(do_it(&ours, optimize()).unwrap_err().kind(), ErrorKind::Missing);

    let each = Sliced::new(fixed(["a", "b"]), |asset| asset.mode(Mode::Append));
    each.write("a", numbered("x", "1", &[1]));
    each.write("a", numbered("x", "1", &[2]));
    assert_eq!(do_it(&each.lakehouse, optimize()).unwrap_err().kind(), ErrorKind::PartitionKey);
    let done = block_on(each.lakehouse.maintain(&key("t"), Some("a"), optimize())).unwrap();
    assert_eq!((done.removed.len(), done.added.len()), (2, 1));
    each.expect(&PartitionChoice::none().key("a"));
}
