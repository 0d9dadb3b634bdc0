//! Machines that sleep, and time that is over when a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use lakewright::env::Env;
use lakewright::event::EventKind;
use lakewright::exec::{PartitionChoice, SystemEnv};
use lakewright::io::memory::MemoryIoManager;
use lakewright::jiff::{SignedDuration, Timestamp};
use lakewright::partition::PartitionsDef;
use lakewright::state::MemoryState;
use lakewright::{Call, ErrorKind, Lakehouse, Produced, Result, RunOptions, Value};
use tokio::sync::Notify;

use super::deaf::Deaf;
use super::{asset, lakehouse, log};
use crate::support::{block_on, key, run_to_failure};

/// The machine, but for two things.
struct Machine {
    system: SystemEnv,
    /// For how many seconds it slept: time by which only the time of day went on.
    slept: AtomicI64,
    /// A time that is over when somebody says so, and not before.
    held: Duration,
    over: Arc<Notify>,
    /// Whether that was heard.
    heard: Arc<AtomicBool>,
}

impl Machine {
    fn holding(held: Duration) -> Arc<Self> {
        let (system, slept) = (SystemEnv::new(), AtomicI64::new(0));
        Arc::new(Self { system, slept, held, over: Arc::default(), heard: Arc::default() })
    }
}

impl Env for Machine {
    fn now(&self) -> Timestamp {
        self.system.now() + SignedDuration::from_secs(self.slept.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.system.elapsed()
    }

    fn random(&self) -> u64 {
        self.system.random()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.system.sleep(duration)
    }

    fn tick(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if duration != self.held {
            return self.system.tick(duration);
        }
        let (over, heard) = (Arc::clone(&self.over), Arc::clone(&self.heard));
        Box::pin(async move {
            over.notified().await;
            heard.store(true, Ordering::SeqCst);
        })
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, Result<(), String>> {
        self.system.run_blocking(job)
    }
}

/// How often a run says that it goes on.
const BEAT: Duration = Duration::from_secs(2);

/// A lakehouse on this machine of the asset `t`, which has two partitions.
fn on<F>(
    machine: &Arc<Machine>,
    log: &Arc<MemoryState>,
    store: &MemoryIoManager,
    body: impl Fn(Call) -> F + Send + Sync + 'static,
) -> Lakehouse
where
    F: Future<Output = Result<Produced>> + Send + 'static,
{
    let spec = asset("t").partitions(PartitionsDef::fixed("Part", ["a", "b"]).unwrap()).body(body).unwrap();
    lakehouse(log, [spec]).io_manager("memory", store.clone()).env(machine.clone()).build().unwrap()
}

#[test]
fn a_machine_that_slept_asks_whether_a_run_is_still_its_own_before_it_stores_anything() {
    let (log, store) = (log(), MemoryIoManager::new());
    // Nobody says that a run goes on: as if all of this took no time.
    let machine = Machine::holding(BEAT);
    let theirs = on(&machine, &log, &store, |call| async move { call.produce_object("theirs") });
    let (sleeps, other) = (Arc::clone(&machine), theirs.clone());
    let ours = on(&machine, &log, &store, move |call| {
        let (machine, other) = (Arc::clone(&sleeps), other.clone());
        async move {
            if call.partition_key()?.to_string() == "b" {
                // What was told until now is written.
                while other.run_events("ours", 0, usize::MAX)?.len() < 2 {
                    tokio::task::yield_now().await;
                }
                // Meanwhile another machine takes the run for lost, and makes a part of the same.
                machine.slept.fetch_add(120, Ordering::SeqCst);
                assert!(other.materialize_for("t", &PartitionChoice::none().key("a")).await?.is_success());
            }
            call.produce_object("ours")
        }
    });
    let plan = ours.plan_for("t", &PartitionChoice::all()).unwrap();
    block_on(ours.run_with(plan, RunOptions::new().id("ours"))).unwrap_err();
    let Some(Value::Object(stored)) = block_on(theirs.load_partition(&key("t"), "a")).unwrap() else { panic!("it is stored") };
    assert_eq!(stored.decode::<String>().unwrap(), "theirs");
    let last = theirs.run_events("ours", 0, usize::MAX).unwrap().pop().unwrap();
    assert!(matches!(last.kind, EventKind::RunFinished { .. }), "nothing is told behind its end: {last:?}");
}

#[test]
fn a_body_is_not_called_if_its_time_was_over_before() {
    const LIMIT: Duration = Duration::from_secs(7);
    let machine = Machine::holding(LIMIT);
    let mut store = Deaf::once(MemoryIoManager::new());
    *store.lost.get_mut() = 0;
    // What is read comes when the time is over.
    let (over, heard) = (Arc::clone(&machine.over), Arc::clone(&machine.heard));
    store.gives = Some(Box::new(move || {
        over.notify_one();
        heard.load(Ordering::SeqCst)
    }));
    let called = Arc::new(AtomicBool::new(false));
    let calls = Arc::clone(&called);
    let up = asset("up").io_manager("deaf").body(|call| async move { call.produce_object(1) }).unwrap();
    let down = asset("down").input("up").timeout(LIMIT).body(move |call| {
        calls.store(true, Ordering::SeqCst);
        async move { call.produce_object(2) }
    });
    let builder = lakehouse(&log(), [up, down.unwrap()]).io_manager("deaf", store).default_stores();
    let failure = run_to_failure(&builder.env(machine).build().unwrap());
    assert_eq!(failure.code, ErrorKind::Timeout.code(), "{failure:?}");
    assert!(!called.load(Ordering::SeqCst));
}
