//! Whatever becomes of the answers of a store, every commit counts once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lakewright::event::EventKind;
use lakewright::exec::Interrupt;
use lakewright::io::delta::DeltaIoManager;
use lakewright::state::RunState;
use lakewright::{AssetBuilder, AssetSpec, Error, ErrorKind, RunOptions, ValueKind};
use tempfile::tempdir;

use super::deaf::{Deaf, Lands};
use super::{lakehouse, log};
use crate::support::{Heard, abc, block_on, frame_builder, integers, read_delta, run_to_failure};

fn appending() -> AssetSpec {
    frame_builder("numbers", abc(), |asset| asset.io_manager("deaf").mode(lakewright::Mode::Append))
}

#[test]
fn an_append_whose_answer_was_lost_is_not_made_again_by_a_retry() {
    let root = tempdir().unwrap();
    let store = Deaf::once(DeltaIoManager::new(root.path()));
    let heard = Heard::default();
    let builder = lakehouse(&log(), [appending()]).io_manager("deaf", store).retries(1).retry_delay(std::time::Duration::ZERO);
    let built = heard.listen(builder).build().unwrap();
    assert!(built.materialize_blocking("*").unwrap().is_success());
    let table = root.path().join("public/numbers");
    assert_eq!(integers(&read_delta(&table), "a").len(), 3);
    assert!(heard.kinds().iter().any(|kind| matches!(kind, EventKind::Reconciled { .. })), "{:?}", heard.kinds());
    // Another run is another append.
    assert!(built.materialize_blocking("*").unwrap().is_success());
    assert_eq!(integers(&read_delta(&table), "a").len(), 6);
}

#[test]
fn an_append_whose_answer_was_lost_is_not_made_again_when_its_run_goes_on() {
    let root = tempdir().unwrap();
    let log = log();
    let store = Deaf::once(DeltaIoManager::new(root.path()));
    let away = Arc::clone(&store.away);
    away.store(true, Ordering::SeqCst);
    let built = lakehouse(&log, [appending()]).io_manager("deaf", store).build().unwrap();
    let error = block_on(built.run_with(built.plan("*").unwrap(), RunOptions::new().id("mine"))).unwrap_err();
    assert!(error.is_unsettled(), "{error:?}");
    away.store(false, Ordering::SeqCst);
    assert!(block_on(built.resume("mine", Interrupt::new())).unwrap().is_success());
    assert_eq!(integers(&read_delta(&root.path().join("public/numbers")), "a").len(), 3);
    let status = lakewright::state::State::partition_status(log.as_ref(), &"numbers".parse().unwrap()).unwrap();
    assert_eq!(status, [(lakewright::Slice::Whole, lakewright::state::PartitionStatus::Materialized)]);
}

#[test]
fn an_append_that_panicked_after_it_landed_is_not_made_again() {
    let root = tempdir().unwrap();
    let mut store = Deaf::once(DeltaIoManager::new(root.path()));
    store.hears = || panic!("the store is broken");
    let heard = Heard::default();
    let built = heard.listen(lakehouse(&log(), [appending()]).io_manager("deaf", store)).build().unwrap();
    assert!(built.materialize_blocking("*").unwrap().is_success());
    assert!(heard.kinds().iter().any(|kind| matches!(kind, EventKind::Reconciled { .. })), "{:?}", heard.kinds());
    assert_eq!(integers(&read_delta(&root.path().join("public/numbers")), "a").len(), 3);
}

/// A store that is asked for a commit and does not answer, and in which it is not there when it is looked for.
fn silent(root: &std::path::Path) -> Deaf<DeltaIoManager> {
    let mut store = Deaf::once(DeltaIoManager::new(root));
    store.lands = Lands::Nothing;
    store.hears = || Error::new(ErrorKind::Io, "nobody answers").unsettled();
    store
}

#[test]
fn a_run_stays_open_while_an_append_may_still_come() {
    let (root, log) = (tempdir().unwrap(), log());
    let built = lakehouse(&log, [appending()]).io_manager("deaf", silent(root.path())).build().unwrap();
    let error = block_on(built.run_with(built.plan("*").unwrap(), RunOptions::new().id("mine"))).unwrap_err();
    assert!(error.is_unsettled(), "{error:?}");
    assert_eq!(built.find_run("mine").unwrap().1, RunState::Interrupted);
    // It goes on under the number of the one that may come, so that there is only ever one of the two.
    assert!(block_on(built.resume("mine", Interrupt::new())).unwrap().is_success());
    assert_eq!(integers(&read_delta(&root.path().join("public/numbers")), "a").len(), 3);
}

#[test]
fn an_append_that_may_still_come_is_not_forgotten_when_another_attempt_fails() {
    let (root, log) = (tempdir().unwrap(), log());
    let builder = AssetBuilder::new("numbers", ValueKind::Table).io_manager("deaf").mode(lakewright::Mode::Append);
    let spec = builder.retries(1).retry_any().retry_delay(std::time::Duration::ZERO).body(|call| async move {
        if call.context().attempt() == 2 { Err(Error::new(ErrorKind::Body, "broken")) } else { call.produce_frame(abc()) }
    });
    let built = lakehouse(&log, [spec.unwrap()]).io_manager("deaf", silent(root.path())).build().unwrap();
    let error = block_on(built.run_with(built.plan("*").unwrap(), RunOptions::new().id("mine"))).unwrap_err();
    assert!(error.is_unsettled() && error.message().contains("nobody answers"), "{error:?}");
    assert_eq!(built.find_run("mine").unwrap().1, RunState::Interrupted);
}

#[test]
fn a_table_that_is_replaced_is_not_waited_for() {
    let root = tempdir().unwrap();
    let replacing = frame_builder("numbers", abc(), |asset| asset.io_manager("deaf"));
    let built = lakehouse(&log(), [replacing]).io_manager("deaf", silent(root.path())).build().unwrap();
    assert_eq!(run_to_failure(&built).message, "nobody answers");
}
