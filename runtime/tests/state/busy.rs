//! A log that another process keeps locked for a while, and runs that go on meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use lakewright::env::Env;
use lakewright::event::{EventKind, RunAbout};
use lakewright::exec::SystemEnv;
use lakewright::prelude::*;
use lakewright::state::{Holder, NewRun, SqliteState, State};
use lakewright::{AssetBuilder, AssetSpec, Call, ErrorKind, LakehouseBuilder, RunOptions};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::support::Rules;

/// How often a run says that it goes on.
const BEAT: Duration = Duration::from_secs(2);

/// The machine, in a hurry: what is to be done every other second is done whenever somebody looks, and it is counted.
struct Hurried {
    system: SystemEnv,
    beats: Arc<AtomicUsize>,
}

impl Env for Hurried {
    fn now(&self) -> Timestamp {
        self.system.now()
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
        if duration == BEAT {
            self.beats.fetch_add(1, Ordering::SeqCst);
        }
        Box::pin(tokio::task::yield_now())
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, Result<(), String>> {
        self.system.run_blocking(job)
    }
}

/// A log that waits for nobody for long.
fn log(folder: &TempDir) -> Arc<dyn State> {
    Arc::new(SqliteState::new(folder.path().join("state.db")).patience(Duration::from_millis(20)))
}

/// Another process, so to speak.
fn other(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("state.db")).unwrap()
}

fn asset() -> AssetBuilder {
    AssetBuilder::new("a", ValueKind::Object).io_manager("memory")
}

fn lakehouse(log: &Arc<dyn State>, spec: AssetSpec) -> LakehouseBuilder {
    Lakehouse::builder().registry(Registry::from_specs([spec])).state(Arc::clone(log))
}

#[tokio::test]
async fn a_run_is_not_taken_over_by_who_keeps_the_log_locked() {
    let folder = tempdir().unwrap();
    let log = log(&folder);
    log.log_id().unwrap();
    let beats = Arc::new(AtomicUsize::new(0));
    let (seen, counted, locks) = (Arc::clone(&log), Arc::clone(&beats), Arc::new(Mutex::new(other(&folder))));
    let body = move |call: Call| {
        let (log, beats, other) = (Arc::clone(&seen), Arc::clone(&counted), Arc::clone(&locks));
        async move {
            // Until there is nothing to be written but that the run goes on.
            while log.run_events("mine", 0, 9)?.len() < 2 {
                tokio::task::yield_now().await;
            }
            other.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
            let before = beats.load(Ordering::SeqCst);
            // The first of these was begun before, and the next one only when the log had been asked.
            while beats.load(Ordering::SeqCst) < before + 2 {
                tokio::task::yield_now().await;
            }
            other.lock().unwrap().execute_batch("ROLLBACK").unwrap();
            call.produce_object(1)
        }
    };
    let env = Arc::new(Hurried { system: SystemEnv::new(), beats });
    let built = lakehouse(&log, asset().body(body).unwrap()).env(env).build().unwrap();
    let report = built.run_with(built.plan("*").unwrap(), RunOptions::new().id("mine")).await.unwrap();
    assert!(report.is_success(), "{report:?}");
}

#[tokio::test]
async fn a_lost_run_whose_end_cannot_be_written_down_yet_is_not_passed_over() {
    let folder = tempdir().unwrap();
    let log = log(&folder);
    log.log_id().unwrap();
    let locks = Arc::new(Mutex::new(other(&folder)));
    let locked = Arc::clone(&locks);
    let spec = asset().body(|call| async move { call.produce_object(1) }).unwrap();
    // Locked as soon as somebody has taken the run over.
    let built = lakehouse(&log, spec).subscribe(move |event| {
        if matches!(event.kind, EventKind::RunResumed { .. }) {
            locked.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
        }
    });
    let built = built.build().unwrap();
    let plan = built.plan("*").unwrap();
    // A process that is certainly not there any more.
    let holder = Holder { pid: u32::MAX, ..Holder::here(1) };
    let (steps, fingerprint, plan_at) = (plan.summary(), plan.steps[0].fingerprint.as_str(), plan.at);
    let about = RunAbout::default();
    let new = NewRun { run: "gone", at: Timestamp::now(), holder: &holder, steps, fingerprint, plan_at, about };
    log.begin(&new, &Rules::default()).unwrap();
    let error = built.close_lost_runs().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Conflict, true), "{error:?}");
    locks.lock().unwrap().execute_batch("ROLLBACK").unwrap();
    assert!(log.run("gone").unwrap().unwrap().finished.is_none());
}
