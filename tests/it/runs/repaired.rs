//! What `doctor` finds, and what `--repair` writes, while others are at work and stores are away.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lakewright::event::EventKind;
use lakewright::exec::PartitionChoice;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::fs::FsIoManager;
use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;
use lakewright::state::{MemoryState, RunState};
use lakewright::{AssetBuilder, AssetSpec, Call, Found, Produced, RunOptions};
use tempfile::tempdir;

use super::deaf::{Deaf, Patience};
use super::{asset, lakehouse, log};
use crate::support::{block_on, key};

fn object(name: &str, store: &str) -> AssetSpec {
    asset(name).io_manager(store).body(|call| async move { call.produce_object(1) }).unwrap()
}

/// A table of two partitions, made by one step. Nothing is made of `b` while `only_a` says so.
fn parts(log: &Arc<MemoryState>, root: &Path, only_a: &Arc<AtomicBool>) -> Lakehouse {
    let only_a = Arc::clone(only_a);
    let body = move |call: Call| {
        let only_a = only_a.load(Ordering::SeqCst);
        async move {
            match call.partition_key()?.to_string().as_str() {
                "b" if only_a => Ok(Produced::nothing()),
                part => call.produce_frame(df!("part" => [part], "n" => [1i64])?),
            }
        }
    };
    let def = PartitionsDef::fixed("Part", ["a", "b"]).unwrap();
    let spec = AssetBuilder::new("t", ValueKind::Table).io_manager("tables").partitions(def).partition_expr("part").optional();
    lakehouse(log, [spec.body(body).unwrap()]).io_manager("tables", DeltaIoManager::new(root)).build().unwrap()
}

#[track_caller]
fn make(built: &Lakehouse, choice: &PartitionChoice) {
    assert!(built.materialize_for_blocking("t", choice).unwrap().is_success());
}

#[track_caller]
fn agrees(built: &Lakehouse) {
    let compared = block_on(built.compare()).unwrap();
    assert!(compared.differences.is_empty() && compared.unknown.is_empty(), "{compared:?}");
}

#[test]
fn a_partition_that_a_later_run_had_nothing_for_is_what_was_recorded() {
    let (root, only_a) = (tempdir().unwrap(), Arc::default());
    let built = parts(&log(), root.path(), &only_a);
    make(&built, &PartitionChoice::all());
    only_a.store(true, Ordering::SeqCst);
    make(&built, &PartitionChoice::all());
    agrees(&built);
    // Nothing that is stored now is of the later run.
    make(&built, &PartitionChoice::none().key("a"));
    agrees(&built);
}

#[test]
fn what_a_run_stored_that_the_log_does_not_know_is_found() {
    let (root, only_a) = (tempdir().unwrap(), Arc::default());
    // A log as it was brought back from a copy, and the one that was lost.
    let (before, lost) = (parts(&log(), root.path(), &only_a), parts(&log(), root.path(), &only_a));
    make(&before, &PartitionChoice::all());
    make(&lost, &PartitionChoice::all());
    agrees(&before);
    make(&lost, &PartitionChoice::all());
    let compared = block_on(before.compare()).unwrap();
    let [difference] = &compared.differences[..] else { panic!("{compared:?}") };
    assert_eq!((difference.slice.to_string().as_str(), difference.found), ("v1:[a,b]", Found::Replaced));
}

#[test]
fn what_is_stored_while_the_doctor_looks_is_not_written_over() {
    let (root, log) = (tempdir().unwrap(), log());
    let plain = FsIoManager::new(root.path());
    let other = lakehouse(&log, [object("numbers", "deaf")]).io_manager("deaf", plain.clone()).build().unwrap();
    assert!(other.materialize_blocking("numbers").unwrap().is_success());
    // It is read what the log says, and made anew before the store is asked.
    let mut store = Deaf::once(plain);
    let first = AtomicBool::new(true);
    store.patience = Some(Box::new(move || {
        if first.swap(false, Ordering::SeqCst) {
            let make = || assert!(other.materialize_blocking("numbers").unwrap().is_success());
            std::thread::scope(|scope| scope.spawn(make).join().unwrap());
        }
        Patience::Answered
    }));
    let built = lakehouse(&log, [object("numbers", "deaf")]).io_manager("deaf", store).build().unwrap();
    let repaired = block_on(built.repair()).unwrap();
    assert_eq!((repaired.differences, repaired.unknown), (Vec::new(), Vec::new()));
    let history = built.history(&key("numbers"), u64::MAX, 10).unwrap();
    assert!(matches!(history[0].kind, EventKind::Materialized { .. }), "{history:?}");
    assert_eq!(history.len(), 2);
}

#[test]
fn a_store_that_is_away_keeps_only_its_own_runs_from_being_closed() {
    let (root, other_root) = (tempdir().unwrap(), tempdir().unwrap());
    let store = Deaf::once(FsIoManager::new(root.path()));
    let away = Arc::clone(&store.away);
    away.store(true, Ordering::SeqCst);
    let built = lakehouse(&log(), [object("numbers", "deaf"), object("others", "plain")])
        .io_manager("deaf", store)
        .io_manager("plain", FsIoManager::new(other_root.path()))
        .build()
        .unwrap();
    block_on(built.run_with(built.plan("numbers").unwrap(), RunOptions::new().id("lost"))).unwrap_err();
    assert!(built.materialize_blocking("others").unwrap().is_success());
    std::fs::remove_file(other_root.path().join("others.json")).unwrap();
    let repaired = block_on(built.repair()).unwrap();
    let found: Vec<_> = repaired.differences.iter().map(|one| (one.asset.as_str(), one.found)).collect();
    assert_eq!(found, [("others", Found::Gone)]);
    let unknown: Vec<_> = repaired.unknown.iter().map(|(asset, _)| asset.as_str()).collect();
    assert_eq!((unknown, repaired.lost), (vec!["numbers"], vec!["lost".to_owned()]));
    let history = built.history(&key("others"), u64::MAX, 1).unwrap();
    assert!(matches!(history[0].kind, EventKind::Wiped { .. }), "{history:?}");
    let state = || built.find_run("lost").unwrap().1;
    assert_eq!(state(), RunState::Interrupted);
    away.store(false, Ordering::SeqCst);
    assert!(block_on(built.repair()).unwrap().unknown.is_empty());
    assert_eq!(state(), RunState::Succeeded);
}
