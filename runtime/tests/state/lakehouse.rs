//! Which log a lakehouse has without a word.

use lakewright::exec::RunReport;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, CommitId};
use tempfile::{TempDir, tempdir};

/// A lakehouse of one asset in this store.
fn lakehouse(root: &TempDir, store: &str) -> Lakehouse {
    let asset = AssetBuilder::new("a", ValueKind::Object).io_manager(store);
    let asset = asset.body(|call| async move { call.produce_object(1) }).unwrap();
    Lakehouse::builder().root(root.path()).registry(Registry::from_specs([asset])).build().unwrap()
}

fn commit(report: &RunReport) -> CommitId {
    assert!(report.is_success(), "{report:?}");
    report.materializations().next().unwrap().commit.clone()
}

#[test]
fn what_outlives_the_process_has_a_log_that_does() {
    let root = tempdir().unwrap();
    let first = lakehouse(&root, "fs");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "building leaves nothing behind");
    let first = commit(&first.materialize_blocking("*").unwrap());
    assert!(root.path().join(".lakewright/state.db").exists());
    let second = commit(&lakehouse(&root, "fs").materialize_blocking("*").unwrap());
    assert_eq!((first.number, second.number), (1, 2));
    assert_eq!(first.log, second.log);
}

#[test]
fn what_does_not_leaves_no_log_behind() {
    let root = tempdir().unwrap();
    commit(&lakehouse(&root, "memory").materialize_blocking("*").unwrap());
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}
