//! A store remembers its tables, and still sees everything that others do to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lakewright::asset::Mode;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, ErrorKind};
use tempfile::{TempDir, tempdir};

use super::{action, actions};
use crate::support::{block_on, files_below, integers, key, lakehouse, open_delta, read_delta, run_all, run_to_failure};

/// An asset that gives the next number each time.
fn counted(first: i64, mode: Mode) -> AssetSpec {
    let next = Arc::new(AtomicI64::new(first));
    let body = move |call: lakewright::Call| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        async move { call.produce_frame(df!("n" => [number])?) }
    };
    AssetBuilder::new("t", ValueKind::Table).mode(mode).body(body).unwrap()
}

fn ours(root: &TempDir, first: i64, mode: Mode) -> (Lakehouse, PathBuf) {
    (lakehouse(root, [counted(first, mode)]).build().unwrap(), root.path().join("delta/public/t"))
}

fn stored(lakehouse: &Lakehouse) -> Vec<i64> {
    let frame: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    integers(&frame, "n")
}

/// What the log and the files alone say.
fn on_disk(path: &Path) -> Vec<i64> {
    let mut rows = integers(&read_delta(path), "n");
    rows.sort_unstable();
    rows
}

#[test]
fn many_commits_of_one_process_are_all_there_with_their_checkpoints() {
    let root = tempdir().unwrap();
    let (lakehouse, path) = ours(&root, 0, Mode::Append);
    for _ in 0..230 {
        run_all(&lakehouse);
    }
    let all: Vec<i64> = (0..230).collect();
    assert_eq!(stored(&lakehouse), all, "in the order of the commits");
    assert_eq!(on_disk(&path), all);
    assert_eq!(open_delta(&path).version(), Some(229));
    let checkpoints =
        files_below(&path.join("_delta_log")).iter().filter(|file| file.to_string_lossy().contains("checkpoint.parquet")).count();
    assert_eq!(checkpoints, 2);
    let described = block_on(lakehouse.describe(&key("t"))).unwrap();
    assert_eq!((described.rows, described.version), (Some(230), Some(229)));
}

#[test]
fn each_overwrite_takes_out_what_the_one_before_put_in() {
    let root = tempdir().unwrap();
    let (lakehouse, path) = ours(&root, 0, Mode::Overwrite);
    for number in 0..5 {
        run_all(&lakehouse);
        assert_eq!((stored(&lakehouse), on_disk(&path)), (vec![number], vec![number]));
        if number > 0 {
            let log = actions(&path, number.unsigned_abs());
            let before = action(&actions(&path, number.unsigned_abs() - 1), "add");
            assert_eq!(action(&log, "remove")["path"], before["path"]);
            assert!(action(&log, "remove")["deletionTimestamp"].is_i64());
        }
    }
}

#[test]
fn what_others_commit_in_between_is_seen() {
    let root = tempdir().unwrap();
    let (one, path) = ours(&root, 0, Mode::Append);
    let (other, _) = ours(&root, 100, Mode::Append);
    for _ in 0..3 {
        run_all(&one);
        run_all(&other);
        run_all(&other);
    }
    assert_eq!(stored(&one), [0, 100, 101, 1, 102, 103, 2, 104, 105]);
    assert_eq!(stored(&other), stored(&one));
    let (third, _) = ours(&root, 7, Mode::Overwrite);
    run_all(&third);
    assert_eq!(stored(&one), [7]);
    run_all(&one);
    assert_eq!((stored(&third), on_disk(&path)), (vec![7, 3], vec![3, 7]));
}

#[test]
fn a_table_that_was_made_anew_is_another_one() {
    let root = tempdir().unwrap();
    let (one, path) = ours(&root, 0, Mode::Append);
    for _ in 0..3 {
        run_all(&one);
    }
    // Somebody removes it, and makes one with as many versions, and then one with more.
    for versions in [3, 5] {
        std::fs::remove_dir_all(&path).unwrap();
        let (other, _) = ours(&root, 100, Mode::Append);
        for _ in 0..versions {
            run_all(&other);
        }
        let theirs: Vec<i64> = (100..100 + versions).collect();
        assert_eq!(stored(&one), theirs);
        run_all(&one);
        assert_eq!(on_disk(&path).len(), theirs.len() + 1);
    }
    // And removes it for good.
    std::fs::remove_dir_all(&path).unwrap();
    assert!(!block_on(one.describe(&key("t"))).unwrap().exists);
    run_all(&one);
    assert_eq!(on_disk(&path).len(), 1);
}

#[test]
fn a_log_that_was_damaged_since_is_refused_and_left_alone() {
    let root = tempdir().unwrap();
    let (one, path) = ours(&root, 0, Mode::Append);
    run_all(&one);
    run_all(&one);
    let entry = path.join("_delta_log/00000000000000000001.json");
    let whole = std::fs::read(&entry).unwrap();
    std::fs::write(&entry, &whole[..whole.len() / 2]).unwrap();
    let error = block_on(one.load_frame::<DataFrame>(&key("t"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let before = files_below(&path);
    assert_eq!(run_to_failure(&one).code, ErrorKind::Corrupt.code());
    assert_eq!(files_below(&path), before);
    std::fs::write(&entry, &whole).unwrap();
    run_all(&one);
    assert_eq!(on_disk(&path).len(), 3);
}

#[test]
fn a_folder_that_was_taken_while_rows_were_staged_is_not_written_over() {
    let root = tempdir().unwrap();
    let path = root.path().join("delta/public/t");
    let taken = path.clone();
    let body = move |call: lakewright::Call| {
        let taken = taken.clone();
        async move {
            std::fs::create_dir_all(&taken).unwrap();
            std::fs::write(taken.join("photo.jpg"), "of somebody").unwrap();
            call.produce_frame(df!("n" => [1i64])?)
        }
    };
    let asset = AssetBuilder::new("t", ValueKind::Table).body(body).unwrap();
    let one = lakehouse(&root, [asset]).build().unwrap();
    assert!(!block_on(one.describe(&key("t"))).unwrap().exists, "it was free once");
    let error = one.materialize_blocking("t").unwrap_err();
    assert!(error.to_string().contains("is not a Delta table: it holds `photo.jpg`"), "{error}");
    assert_eq!(std::fs::read_to_string(path.join("photo.jpg")).unwrap(), "of somebody");
    assert!(!path.join("_delta_log").exists());
}

#[test]
fn an_entry_that_never_got_its_name_is_no_damaged_table() {
    let root = tempdir().unwrap();
    let (lakehouse, path) = ours(&root, 0, Mode::Append);
    std::fs::create_dir_all(path.join("_delta_log")).unwrap();
    // The power was cut while the first commit wrote it beside its place.
    let beside = path.join("_delta_log/.00000000000000000000.json.0123456789abcdef");
    std::fs::write(&beside, "{\"commitInfo\":").unwrap();
    for runs in 1..=2 {
        run_all(&lakehouse);
        let all: Vec<i64> = (0..runs).collect();
        assert_eq!((stored(&lakehouse), on_disk(&path)), (all.clone(), all));
    }
    std::fs::remove_file(beside).unwrap();
    let log = files_below(&path.join("_delta_log"));
    assert_eq!(log, ["00000000000000000000.json", "00000000000000000001.json"].map(PathBuf::from), "nothing is left beside");
}

#[test]
fn a_checkpoint_takes_with_it_what_of_the_log_is_older_than_the_table_keeps() {
    for (cleans, first) in [("true", false), ("false", true)] {
        let root = tempdir().unwrap();
        let properties = format!(
            "delta.checkpointInterval=3, delta.logRetentionDuration=interval 0 days, delta.enableExpiredLogCleanup={cleans}"
        );
        let next = Arc::new(AtomicI64::new(0));
        let body = move |call: lakewright::Call| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            async move { call.produce_frame(df!("n" => [number])?) }
        };
        let asset = AssetBuilder::new("t", ValueKind::Table).mode(Mode::Append).store_option("table_properties", properties);
        let lakehouse = lakehouse(&root, [asset.body(body).unwrap()]).build().unwrap();
        let path = root.path().join("delta/public/t");
        for runs in 1..=8 {
            run_all(&lakehouse);
            let all: Vec<i64> = (0..runs).collect();
            assert_eq!((stored(&lakehouse), on_disk(&path)), (all.clone(), all));
        }
        assert_eq!(path.join("_delta_log/00000000000000000000.json").exists(), first, "cleanup is {cleans}");
        assert!(path.join("_delta_log/00000000000000000007.json").exists());
    }
}
