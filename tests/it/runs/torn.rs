//! A log that fails at one write and takes what comes after it.

use std::sync::{Arc, Mutex, mpsc};

use lakewright::event::{Event, EventKind};
use lakewright::exec::Interrupt;
use lakewright::io::memory::MemoryIoManager;
use lakewright::jiff::Timestamp;
use lakewright::prelude::*;
use lakewright::state::{
    BackfillRecord, Beat, Collected, Holder, LogLine, MemoryState, NewRun, Referee, RunQuery, RunRecord, SliceStatus, Snapshot,
    State,
};
use lakewright::{AssetSpec, Call, Error, ErrorKind, RunOptions, Slice};
use tokio::sync::Notify;

use super::{asset, lakehouse, log};
use crate::support::{Heard, block_on, key};

struct Torn {
    log: Arc<MemoryState>,
    /// Called at the first write of events, which then fails.
    fails: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

macro_rules! as_the_log {
    ($($name:ident($($argument:ident: $of:ty),*) -> $gives:ty;)*) => {
        $(fn $name(&self, $($argument: $of),*) -> Result<$gives> {
            self.log.$name($($argument),*)
        })*
    };
}

impl State for Torn {
    fn append_all(&self, run: &str, events: Vec<(Timestamp, EventKind)>) -> Result<Vec<Event>> {
        let fails = self.fails.lock().unwrap().take();
        if let Some(before) = fails {
            before();
            return Err(Error::new(ErrorKind::Io, "the log cannot be written"));
        }
        self.log.append_all(run, events)
    }

    as_the_log! {
        log_id() -> String;
        number(asset: &AssetKey, slice: &Slice, run: &str, step: usize) -> i64;
        begin(run: &NewRun<'_>, referee: &dyn Referee) -> Event;
        reopen(run: &str, at: Timestamp, holder: &Holder, steps: &[usize], referee: &dyn Referee) -> Event;
        beat(run: &str, holder: &Holder, at: Timestamp) -> Beat;
        cancel(run: &str) -> bool;
        run(run: &str) -> Option<RunRecord>;
        runs(query: &RunQuery) -> Vec<RunRecord>;
        run_events(run: &str, after: u64, limit: usize) -> Vec<Event>;
        history(asset: &AssetKey, before: u64, limit: usize) -> Vec<Event>;
        take_slot(pool: &str, limit: usize, run: &str, step: usize, referee: &dyn Referee) -> bool;
        free_slot(pool: &str, run: &str, step: usize) -> ();
        put_backfill(backfill: &BackfillRecord) -> ();
        backfill(id: &str) -> Option<BackfillRecord>;
        backfills(limit: usize) -> Vec<BackfillRecord>;
        append_lines(run: &str, lines: &[LogLine]) -> ();
        lines(run: &str, after: u64, limit: usize) -> Vec<(u64, LogLine)>;
        snapshot(asset: &AssetKey) -> Option<Snapshot>;
        keep_snapshot(asset: &AssetKey, snapshot: &Snapshot) -> ();
        collect(before: Timestamp) -> Collected;
        would_collect(before: Timestamp) -> Collected;
        events(after: u64, limit: usize) -> Vec<Event>;
        keys(set: &str) -> Vec<String>;
        add_keys(set: &str, keys: &[String]) -> Vec<String>;
        remove_keys(set: &str, keys: &[String]) -> Vec<String>;
        slice_status(asset: &AssetKey, after: u64) -> Vec<SliceStatus>;
    }
}

/// `second` is made from `first`.
fn assets<F, S>(
    first: impl Fn(Call) -> F + Send + Sync + 'static,
    second: impl Fn(Call) -> S + Send + Sync + 'static,
) -> [AssetSpec; 2]
where
    F: Future<Output = Result<lakewright::Produced>> + Send + 'static,
    S: Future<Output = Result<lakewright::Produced>> + Send + 'static,
{
    [asset("first").body(first).unwrap(), asset("second").input("first").body(second).unwrap()]
}

#[test]
fn nothing_is_written_behind_what_a_log_has_lost() {
    let (log, store) = (log(), MemoryIoManager::new());
    // The first write begins while `first` is made and fails while `second` is, so that what is told in between is behind the gap.
    let (writes, (begins, begun)) = (Arc::new(Notify::new()), mpsc::channel());
    let says = Arc::clone(&writes);
    let fails: Box<dyn FnOnce() + Send> = Box::new(move || {
        says.notify_one();
        begun.recv().unwrap();
    });
    let torn = Torn { log: Arc::clone(&log), fails: Mutex::new(Some(fails)) };
    let first = move |call: Call| {
        let writes = Arc::clone(&writes);
        async move {
            writes.notified().await;
            call.produce_object(1)
        }
    };
    let second = move |call: Call| {
        begins.send(()).unwrap();
        async move { call.produce_object(2) }
    };
    let built = Lakehouse::builder().registry(Registry::from_specs(assets(first, second))).state(Arc::new(torn));
    let built = built.io_manager("memory", store.clone()).build().unwrap();
    block_on(built.run_with(built.plan("*").unwrap(), RunOptions::new().id("mine"))).unwrap_err();
    let events = log.run_events("mine", 0, usize::MAX).unwrap();
    assert!(matches!(&events[..], [Event { kind: EventKind::RunStarted { .. }, .. }]), "{events:#?}");

    // So the stores are asked.
    let heard = Heard::default();
    let quick = |call: Call| async move { call.produce_object(3) };
    let mended = heard.listen(lakehouse(&log, assets(quick, quick)).io_manager("memory", store)).build().unwrap();
    assert!(block_on(mended.resume("mine", Interrupt::new())).unwrap().is_success());
    let found = |kind: &EventKind| match kind {
        EventKind::Reconciled { materialization, .. } => materialization.asset == key("first"),
        _ => false,
    };
    assert!(heard.kinds().iter().any(found), "{:#?}", heard.kinds());
}
