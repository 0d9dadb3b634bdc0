//! A commit is known however long ago it was made.

use std::path::Path;
use std::sync::Arc;

use lakewright::exec::SystemEnv;
use lakewright::frame::Frame;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::{CommitState, Maintenance, RunInfo, StoreRequest};
use lakewright::{CommitId, Comparison, IoManager, Mode, Slice, Value};
use serde_json::{Value as Json, json};
use tempfile::tempdir;

use super::{action, actions, write_version};
use crate::support::{abc, block_on, frame_asset, frame_builder, key, lakehouse, run_all};

/// Changes what the first entry of a table says.
fn rewrite(table: &Path, change: impl Fn(&mut Json)) {
    let mut first = actions(table, 0);
    first.iter_mut().for_each(change);
    write_version(table, 0, &first);
}

/// Has the table forget transactions so long after they say that they were made.
fn forgets_after(table: &Path, interval: &str) {
    rewrite(table, |action| {
        if let Some(metadata) = action.get_mut("metaData") {
            metadata["configuration"]["delta.setTransactionRetentionDuration"] = json!(interval);
        }
    });
}

#[track_caller]
fn agrees(compared: &Comparison) {
    assert!(compared.differences.is_empty() && compared.unknown.is_empty(), "{compared:?}");
}

#[test]
fn a_table_and_the_log_agree_on_what_was_made_long_ago() {
    let root = tempdir().unwrap();
    let ours = lakehouse(&root, [frame_asset("t", abc())]).build().unwrap();
    run_all(&ours);
    run_all(&ours);
    let path = root.path().join("delta/public/t");
    assert_eq!(action(&actions(&path, 0), "metaData")["configuration"], json!({}));
    // As somebody else may have it: everything that has a time is too old.
    forgets_after(&path, "interval 0 days");
    agrees(&block_on(ours.compare()).unwrap());
    block_on(ours.maintain(&key("t"), None, Maintenance::Checkpoint)).unwrap();
    agrees(&block_on(ours.repair()).unwrap());
    assert_eq!(ours.history(&key("t"), u64::MAX, 10).unwrap().len(), 2, "nothing was written over it");
}

#[test]
fn what_earlier_versions_wrote_is_found_as_long_as_its_entry_is_there() {
    let root = tempdir().unwrap();
    let store = DeltaIoManager::new(root.path());
    let asset = frame_builder("t", abc(), |asset| asset.mode(Mode::Append));
    let (run, env) = (RunInfo::new("by-hand", 1), Arc::new(SystemEnv::new()));
    block_on(async {
        let request = || StoreRequest::new(&asset, &Slice::Whole, &run, env.clone());
        let ids = ["log", "other", "nobody"].map(|log| CommitId::new(log, &asset.key, &Slice::Whole, 1));
        for id in &ids[..2] {
            let staged = store.stage(request(), Value::Table(abc().into_table())).await.unwrap();
            store.commit(request(), vec![staged], id).await.unwrap();
        }
        let path = root.path().join("public/t");
        forgets_after(&path, "interval 30 days");
        rewrite(&path, |action| {
            if let Some(transaction) = action.get_mut("txn") {
                transaction["lastUpdated"] = json!(1);
            }
        });
        let states = async || store.committed(request(), &ids).await.unwrap();
        assert_eq!(states().await, [CommitState::Committed, CommitState::Committed, CommitState::Absent]);
        store.maintain(request(), Maintenance::Checkpoint).await.unwrap();
        assert_eq!(states().await, [CommitState::Committed, CommitState::Committed, CommitState::Absent]);
        std::fs::remove_file(path.join("_delta_log/00000000000000000000.json")).unwrap();
        assert_eq!(states().await, [CommitState::Forgotten, CommitState::Committed, CommitState::Forgotten]);
    });
}
