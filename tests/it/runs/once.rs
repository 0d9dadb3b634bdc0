//! Whatever becomes of the answers of a store, every commit counts once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use lakewright::event::EventKind;
use lakewright::exec::Interrupt;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::{
    Capabilities, CommitState, Committed, Description, LoadRequest, Location, Present, Probe, Staged, StoreRequest,
};
use lakewright::prelude::*;
use lakewright::{AssetSpec, CommitId, Error, ErrorKind, IoManager};
use tempfile::tempdir;

use super::{lakehouse, log};
use crate::support::{Heard, abc, block_on, frame_builder, integers, read_delta};

/// A store whose answers to the first commits are lost, although what was asked was done.
struct Deaf<S> {
    store: S,
    lost: AtomicU32,
}

#[async_trait]
impl<S: IoManager> IoManager for Deaf<S> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn locate(&self, asset: &AssetSpec, slice: &lakewright::Slice) -> Result<Location> {
        self.store.locate(asset, slice)
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<lakewright::Value>> {
        self.store.load(request).await
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        self.store.present(request).await
    }

    async fn stage(&self, request: StoreRequest<'_>, value: lakewright::Value) -> Result<Staged> {
        self.store.stage(request, value).await
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let committed = self.store.commit(request, staged, id).await?;
        if self.lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |lost| lost.checked_sub(1)).is_ok() {
            return Err(Error::new(ErrorKind::Io, "the answer was lost").retryable());
        }
        Ok(committed)
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        self.store.discard(request, staged).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        self.store.committed(request, ids).await
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        self.store.describe(request).await
    }

    async fn probe(&self, env: &dyn lakewright::env::Env) -> Probe {
        self.store.probe(env).await
    }
}

fn appending() -> AssetSpec {
    frame_builder("numbers", abc(), |asset| asset.io_manager("deaf").mode(lakewright::Mode::Append))
}

#[test]
fn an_append_whose_answer_was_lost_is_not_made_again_by_a_retry() {
    let root = tempdir().unwrap();
    let store = Deaf { store: DeltaIoManager::new(root.path().to_string_lossy()), lost: AtomicU32::new(1) };
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
    let store = Deaf { store: DeltaIoManager::new(root.path().to_string_lossy()), lost: AtomicU32::new(1) };
    let built = lakehouse(&log, [appending()]).io_manager("deaf", store).build().unwrap();
    let failed = built.materialize_blocking("*").unwrap();
    assert!(!failed.is_success());
    assert!(block_on(built.retry_failed(&failed.run, Interrupt::new())).unwrap().is_success());
    assert_eq!(integers(&read_delta(&root.path().join("public/numbers")), "a").len(), 3);
    let status = lakewright::state::State::partition_status(log.as_ref(), &"numbers".parse().unwrap()).unwrap();
    assert_eq!(status, [(lakewright::Slice::Whole, lakewright::state::PartitionStatus::Materialized)]);
    let _: Arc<_> = log;
}
