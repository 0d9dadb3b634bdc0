//! A wipe is a run: it says that it goes on, hears that it is to end, and stops when it is another's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use lakewright::env::Env;
use lakewright::event::EventKind;
use lakewright::exec::{PartitionChoice, SystemEnv};
use lakewright::io::memory::MemoryIoManager;
use lakewright::io::{
    Capabilities, CommitState, Committed, Description, LoadRequest, Location, Present, Probe, Staged, StoreRequest,
};
use lakewright::jiff::{SignedDuration, Timestamp};
use lakewright::partition::{KeySet, PartitionsDef};
use lakewright::prelude::*;
use lakewright::state::{MemoryState, PartitionStatus, RunQuery, State};
use lakewright::{AssetSpec, CommitId, Error, ErrorKind, IoManager, Slice};

use super::{asset, lakehouse, log};
use crate::support::{block_on, key};

/// A store of which somebody hears what was deleted, each time, before the wipe does.
struct Watched {
    store: MemoryIoManager,
    /// How often whoever deletes has to look again before it is done.
    looks: usize,
    hears: Box<dyn Fn(&str) + Send + Sync>,
    /// The slice whose removal it does not answer for.
    silent_of: Option<&'static str>,
}

#[async_trait]
impl IoManager for Watched {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn locate(&self, asset: &AssetSpec, slice: &Slice) -> Result<Location> {
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
        self.store.commit(request, staged, id).await
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

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        for _ in 0..self.looks {
            tokio::task::yield_now().await;
        }
        let slice = request.slice.to_string();
        self.store.delete(request).await?;
        (self.hears)(&slice);
        match self.silent_of {
            Some(of) if of == slice => Err(Error::new(ErrorKind::Io, "the answer was lost")),
            _ => Ok(()),
        }
    }

    async fn probe(&self, env: &dyn Env) -> Probe {
        self.store.probe(env).await
    }
}

/// A machine whose clocks somebody moves, and which is to do something every other second whenever somebody has looked twenty times.
struct Machine {
    system: SystemEnv,
    ahead: Arc<AtomicU64>,
}

impl Machine {
    fn ahead_by(ahead: &Arc<AtomicU64>) -> Arc<dyn Env> {
        Arc::new(Self { system: SystemEnv::new(), ahead: Arc::clone(ahead) })
    }

    fn ahead(&self) -> Duration {
        Duration::from_secs(self.ahead.load(Ordering::SeqCst))
    }
}

impl Env for Machine {
    fn now(&self) -> Timestamp {
        self.system.now() + SignedDuration::try_from(self.ahead()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.system.elapsed() + self.ahead()
    }

    fn random(&self) -> u64 {
        self.system.random()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.system.sleep(duration)
    }

    fn tick(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        })
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, Result<(), String>> {
        self.system.run_blocking(job)
    }
}

/// A lakehouse of one asset with a partition for each letter.
fn letters(log: &Arc<MemoryState>, letters: &str, store: Watched, machine: Arc<dyn Env>) -> Lakehouse {
    let def = PartitionsDef::fixed("Letter", letters.chars().map(String::from)).unwrap();
    let spec = asset("numbers").io_manager("watched").partitions(def).body(|call| async move { call.produce_object(1) });
    lakehouse(log, [spec.unwrap()]).io_manager("watched", store).env(machine).build().unwrap()
}

fn names(keys: &KeySet) -> Vec<String> {
    keys.keys().map(|key| key.to_string()).collect()
}

#[test]
fn a_wipe_whose_run_was_taken_for_lost_removes_nothing_that_was_made_since() {
    let (log, ahead, memory) = (log(), Arc::new(AtomicU64::new(0)), MemoryIoManager::new());
    let other = Watched { store: memory.clone(), looks: 0, hears: Box::new(|_| {}), silent_of: None };
    let other = Arc::new(letters(&log, "abc", other, Machine::ahead_by(&ahead)));
    let deleted = Arc::new(Mutex::new(Vec::new()));
    let (clock, makes, list) = (Arc::clone(&ahead), Arc::clone(&other), Arc::clone(&deleted));
    let hears = move |slice: &str| {
        list.lock().unwrap().push(slice.to_owned());
        if slice != "v1:[b]" {
            return;
        }
        // The process stands still for two minutes. As another one would, on a thread of its own.
        clock.store(120, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let made = scope.spawn(|| {
                assert_eq!(block_on(makes.close_lost_runs()).unwrap(), 1);
                makes.materialize_for_blocking("*", &PartitionChoice::none().key("c")).unwrap()
            });
            assert!(made.join().unwrap().is_success());
        });
    };
    let store = Watched { store: memory, looks: 0, hears: Box::new(hears), silent_of: None };
    let wipes = letters(&log, "abc", store, Machine::ahead_by(&ahead));
    assert!(wipes.materialize_for_blocking("*", &PartitionChoice::all()).unwrap().is_success());
    let error = block_on(wipes.wipe(&key("numbers"), &PartitionChoice::all())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    assert!(error.message().contains("was taken over by another process"), "{error:?}");
    assert_eq!(*deleted.lock().unwrap(), ["v1:[a]", "v1:[b]"]);
    assert_eq!(names(&block_on(other.stored_partitions(&key("numbers"))).unwrap()), ["c"]);
    let recorded = |status| names(&other.recorded_partitions(&key("numbers"), status).unwrap());
    assert_eq!(recorded(PartitionStatus::Materialized), ["c"]);
    assert_eq!(recorded(PartitionStatus::Wiped), ["a", "b"], "whoever closed the run has found out");
}

#[test]
fn a_wipe_of_many_partitions_says_that_it_goes_on_and_hears_that_it_is_to_end() {
    let (log, ahead) = (log(), Arc::new(AtomicU64::new(0)));
    let deleted = Arc::new(Mutex::new(Vec::new()));
    let (runs, list) = (Arc::clone(&log), Arc::clone(&deleted));
    let hears = move |slice: &str| {
        let mut deleted = list.lock().unwrap();
        deleted.push(slice.to_owned());
        if deleted.len() == 1 {
            let open = runs.runs(&RunQuery { open: true, ..RunQuery::newest(9) }).unwrap();
            assert!(open.len() == 1 && runs.cancel(&open[0].run).unwrap());
        }
    };
    // Each of them is gone before anything is to be done.
    let store = Watched { store: MemoryIoManager::new(), looks: 3, hears: Box::new(hears), silent_of: None };
    let built = letters(&log, "abcdefghijklmnopqrstuvwxyz", store, Machine::ahead_by(&ahead));
    assert!(built.materialize_for_blocking("*", &PartitionChoice::all()).unwrap().is_success());
    let error = block_on(built.wipe(&key("numbers"), &PartitionChoice::all())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Canceled, "{error:?}");
    let deleted = deleted.lock().unwrap().len();
    assert!((1..26).contains(&deleted), "{deleted}");
    let recorded = |status| built.recorded_partitions(&key("numbers"), status).unwrap().len();
    assert_eq!(recorded(PartitionStatus::Wiped), deleted as u64, "what is gone is recorded");
    assert_eq!(recorded(PartitionStatus::Materialized), 26 - deleted as u64);
    let record = built.runs(&RunQuery::newest(1)).unwrap().remove(0).0;
    assert!(record.beat > record.started && record.finished.is_some(), "{record:?}");
}

#[test]
fn what_a_store_removed_without_an_answer_is_recorded_as_removed() {
    let silent = |of| Watched { store: MemoryIoManager::new(), looks: 0, hears: Box::new(|_| {}), silent_of: Some(of) };
    let built = letters(&log(), "abc", silent("v1:[b]"), Machine::ahead_by(&Arc::default()));
    assert!(built.materialize_for_blocking("*", &PartitionChoice::all()).unwrap().is_success());
    let error = block_on(built.wipe(&key("numbers"), &PartitionChoice::all())).unwrap_err();
    assert_eq!(error.message(), "the answer was lost");
    let recorded = |status| names(&built.recorded_partitions(&key("numbers"), status).unwrap());
    assert_eq!(recorded(PartitionStatus::Wiped), ["a", "b"]);
    assert_eq!(recorded(PartitionStatus::Materialized), ["c"], "which it was not asked to remove any more");

    let spec = asset("numbers").io_manager("watched").body(|call| async move { call.produce_object(1) }).unwrap();
    let built = lakehouse(&log(), [spec]).io_manager("watched", silent("v1:all")).build().unwrap();
    assert!(built.materialize_blocking("*").unwrap().is_success());
    let error = block_on(built.wipe(&key("numbers"), &PartitionChoice::none())).unwrap_err();
    assert_eq!(error.message(), "the answer was lost");
    let history = built.history(&key("numbers"), u64::MAX, 10).unwrap();
    assert!(matches!(history[0].kind, EventKind::Wiped { .. }), "{history:?}");
}
