//! What the log tells of runs and of what is stored, whatever names assets had and whatever was lost on the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use lakewright::env::Env;
use lakewright::event::EventKind;
use lakewright::exec::{Interrupt, PartitionChoice, SystemEnv};
use lakewright::io::fs::FsIoManager;
use lakewright::jiff::Timestamp;
use lakewright::partition::PartitionsDef;
use lakewright::state::{PartitionStatus, RunState, State};
use lakewright::{AssetSpec, ErrorKind, Found, RunFilter, RunOptions, StepState};
use tempfile::tempdir;

use super::deaf::{Deaf, Patience};
use super::{asset, lakehouse, log};
use crate::support::{block_on, key};

fn parts(name: &str, store: &str, aliases: &[&str]) -> AssetSpec {
    let builder = asset(name).io_manager(store).partitions(PartitionsDef::fixed("Part", ["a", "b", "c"]).unwrap());
    let builder = aliases.iter().fold(builder, |builder, alias| builder.alias(*alias));
    builder.body(|call| async move { call.produce_object(1) }).unwrap()
}

fn names(keys: &lakewright::partition::KeySet) -> Vec<String> {
    keys.keys().map(|key| key.to_string()).collect()
}

#[test]
fn an_asset_that_was_renamed_keeps_its_history_and_its_partitions() {
    let log = log();
    let old = lakehouse(&log, [parts("old", "memory", &[])]).build().unwrap();
    let choice = PartitionChoice::none().range("a", "b");
    assert!(old.materialize_for_blocking("old", &choice).unwrap().is_success());
    let new = lakehouse(&log, [parts("new", "memory", &["old"])]).build().unwrap();
    let recorded = |status| names(&new.recorded_partitions(&key("new"), status).unwrap());
    assert_eq!(recorded(PartitionStatus::Materialized), ["a", "b"]);
    let missing = new.plan_for("new", &PartitionChoice::missing()).unwrap();
    assert_eq!(missing.steps[0].assets[0].slice.to_string(), "v1:[c]");
    // What is said of the new name is said later.
    block_on(new.wipe(&key("new"), &PartitionChoice::none().key("a"))).unwrap();
    assert_eq!(recorded(PartitionStatus::Materialized), ["b"]);
    let history = new.history(&key("new"), u64::MAX, 10).unwrap();
    assert!(matches!(&history[0].kind, EventKind::Wiped { asset, .. } if *asset == key("new")));
    assert!(matches!(&history[1].kind, EventKind::Materialized { materialization, .. } if materialization.asset == key("old")));
    assert_eq!(history.len(), 2);
    assert_eq!(new.history(&key("new"), history[0].cursor, 10).unwrap().len(), 1, "the next page");
}

#[test]
fn what_a_run_has_stored_without_anybody_hearing_of_it_is_found() {
    let root = tempdir().unwrap();
    let log = log();
    let numbers = asset("numbers").io_manager("deaf").body(|call| async move { call.produce_object(1) }).unwrap();
    let store = Deaf::once(FsIoManager::new(root.path()));
    let away = Arc::clone(&store.away);
    away.store(true, Ordering::SeqCst);
    let built = lakehouse(&log, [numbers]).io_manager("deaf", store).build().unwrap();
    block_on(built.run_with(built.plan("*").unwrap(), RunOptions::new().id("mine"))).unwrap_err();
    assert!(root.path().join("numbers.json").exists());
    away.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        let compared = block_on(built.compare()).unwrap();
        let [difference] = &compared.differences[..] else { panic!("{compared:?}") };
        assert_eq!((&difference.asset, difference.found), (&key("numbers"), Found::Unrecorded));
        assert_eq!(difference.run.as_deref(), Some("mine"));
    }
    assert_eq!(block_on(built.repair()).unwrap().differences.len(), 1);
    assert!(block_on(built.compare()).unwrap().differences.is_empty());
    assert_eq!(built.run_detail("mine").unwrap().steps[0].status, StepState::Succeeded);
    let history = built.history(&key("numbers"), u64::MAX, 10).unwrap();
    assert!(matches!(history[0].kind, EventKind::Reconciled { .. }));
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_name_if_no_other_begins_so() {
    let log = log();
    let numbers = asset("numbers").body(|call| async move { call.produce_object(1) }).unwrap();
    let built = lakehouse(&log, [numbers]).build().unwrap();
    for id in ["night-1", "night-2", "noon"] {
        block_on(built.run_with(built.plan("*").unwrap(), RunOptions::new().id(id))).unwrap();
    }
    assert_eq!(built.find_run("noo").unwrap().0.run, "noon");
    let found = built.find_runs(&RunFilter::new().limit(2)).unwrap();
    assert_eq!(found.iter().map(|(record, _)| record.run.as_str()).collect::<Vec<_>>(), ["noon", "night-2"]);
    for (name, help) in
        [("night", "name one of `night-2`, `night-1`"), ("nigth-1", "did you mean `night-1`?"), ("day", "`runs list`")]
    {
        let error = built.find_run(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Selection);
        assert!(error.help_text().unwrap().contains(help), "{error:?}");
    }
    // Who has to name it in full is told the same.
    let refused = [
        built.cancel_run("nigth-1").unwrap_err(),
        built.plan_of("nigth-1").unwrap_err(),
        block_on(built.resume("nigth-1", Interrupt::new())).unwrap_err(),
        block_on(built.retry_failed("night-", Interrupt::new())).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Selection, "{error:?}");
        assert!(error.help_text().unwrap().contains("did you mean `night-"), "{error:?}");
    }
    let again = block_on(built.run_with(built.plan("*").unwrap(), RunOptions::new().id("noon"))).unwrap_err();
    assert_eq!((again.kind(), again.message()), (ErrorKind::Present, "there is a run `noon` already"));
}

#[test]
fn a_store_that_cannot_delete_is_told_apart_from_one_that_failed_and_nothing_is_said_of_the_partitions() {
    let root = tempdir().unwrap();
    let log = log();
    let spec = parts("numbers", "deaf", &[]);
    // The store in between has no way to delete.
    let mut store = Deaf::once(FsIoManager::new(root.path()));
    *store.lost.get_mut() = 0;
    let built = lakehouse(&log, [spec]).io_manager("deaf", store).build().unwrap();
    assert!(built.materialize_for_blocking("*", &PartitionChoice::all()).unwrap().is_success());
    let error = block_on(built.wipe(&key("numbers"), &PartitionChoice::all())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(names(&built.recorded_partitions(&key("numbers"), PartitionStatus::Materialized).unwrap()), ["a", "b", "c"]);
    let (record, _) = built.find_runs(&RunFilter::new().limit(1)).unwrap().remove(0);
    assert_eq!((record.about.action.as_deref(), record.failed), (Some("wipe"), 1));
}

#[test]
fn a_store_that_does_not_answer_for_a_lost_run_is_only_in_the_way_of_the_same() {
    let root = tempdir().unwrap();
    let log = log();
    let one = |name: &str, store: &str| asset(name).io_manager(store).body(|call| async move { call.produce_object(1) }).unwrap();
    let store = Deaf::once(FsIoManager::new(root.path()));
    let away = Arc::clone(&store.away);
    away.store(true, Ordering::SeqCst);
    let built = lakehouse(&log, [one("numbers", "deaf"), one("others", "memory")])
        .io_manager("deaf", store)
        .default_stores()
        .build()
        .unwrap();
    block_on(built.run_with(built.plan("numbers").unwrap(), RunOptions::new().id("lost"))).unwrap_err();
    assert!(built.materialize_blocking("others").unwrap().is_success());
    let state = |run: &str| built.find_run(run).unwrap().1;
    assert_eq!(state("lost"), RunState::Interrupted);
    block_on(built.materialize("numbers")).unwrap_err();
    away.store(false, Ordering::SeqCst);
    assert!(built.materialize_blocking("numbers").unwrap().is_success());
    assert_eq!(state("lost"), RunState::Succeeded, "it had stored all it was to, and that is known now");
}

/// The machine, in a hurry: what is to be done every other second is done whenever somebody looks.
struct Hurried(SystemEnv);

impl Env for Hurried {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn random(&self) -> u64 {
        self.0.random()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }

    fn tick(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, Result<(), String>> {
        self.0.run_blocking(job)
    }
}

#[test]
fn a_run_says_that_it_goes_on_while_a_store_is_slow_to_tell_of_a_lost_one() {
    let root = tempdir().unwrap();
    let log = log();
    let one = |name: &str, store: &str| asset(name).io_manager(store).body(|call| async move { call.produce_object(1) }).unwrap();
    let mut store = Deaf::once(FsIoManager::new(root.path()));
    let away = Arc::clone(&store.away);
    away.store(true, Ordering::SeqCst);
    // Nothing is known of the lost run until the other one has its lease; and then only once both have said that they go on.
    let (shared, asked) = (Arc::clone(&log), Mutex::new((0, None)));
    let both_beat = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&both_beat);
    store.patience = Some(Box::new(move || {
        let beat = |run: &str| shared.run(run).unwrap().map(|record| record.beat);
        let (Some(other), Some(lost)) = (beat("other"), beat("lost")) else { return Patience::Refused };
        let mut so_far = asked.lock().unwrap();
        so_far.0 += 1;
        let first = *so_far.1.get_or_insert((other, lost));
        let both = first.0 < other && first.1 < lost;
        told.fetch_or(both, Ordering::SeqCst);
        if both || so_far.0 > 10_000 { Patience::Answered } else { Patience::Waiting }
    }));
    let built = lakehouse(&log, [one("numbers", "deaf"), one("others", "memory")])
        .io_manager("deaf", store)
        .default_stores()
        .env(Arc::new(Hurried(SystemEnv::new())))
        .build()
        .unwrap();
    block_on(built.run_with(built.plan("numbers").unwrap(), RunOptions::new().id("lost"))).unwrap_err();
    away.store(false, Ordering::SeqCst);
    let report = block_on(built.run_with(built.plan("others").unwrap(), RunOptions::new().id("other"))).unwrap();
    assert!(report.is_success() && both_beat.load(Ordering::SeqCst));
    assert_eq!(built.find_run("lost").unwrap().1, RunState::Succeeded);
}
