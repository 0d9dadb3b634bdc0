//! Whatever becomes of the answers of a store, every commit counts once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lakewright::event::EventKind;
use lakewright::exec::Interrupt;
use lakewright::io::delta::DeltaIoManager;
use lakewright::{AssetSpec, RunOptions};
use tempfile::tempdir;

use super::deaf::Deaf;
use super::{lakehouse, log};
use crate::support::{Heard, abc, block_on, frame_builder, integers, read_delta};

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
