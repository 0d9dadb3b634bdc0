//! A log as a process sees it, and what a power cut leaves of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use lakewright::event::{Event, EventKind, RunAbout, StepSummary};
use lakewright::jiff::Timestamp;
use lakewright::state::{
    BackfillRecord, Beat, Collected, Holder, LogLine, MemoryState, NewRun, Referee, RunQuery, RunRecord, SliceStatus, Snapshot,
    State,
};
use lakewright::{AssetKey, Error, ErrorKind, Result, Slice};

use crate::world::Process;

const ID: &str = "0123456789abcdef";

/// The log that processes share.
#[derive(Clone)]
pub(crate) struct Disk {
    inner: Arc<Mutex<Inner>>,
    /// It issues numbers twice: what a test is to find.
    pub(crate) repeats: bool,
    /// How many calls in ten thousand fail.
    pub(crate) fails: u64,
}

struct Inner {
    state: Arc<dyn State>,
    /// Where it is, if it is in a file, and beside it a copy of how it was when last something was flushed.
    #[cfg(feature = "sqlite")]
    file: Option<tempfile::TempDir>,
    /// Everything that changed it, in order.
    written: Vec<Written>,
    slots: BTreeSet<(String, String, usize)>,
}

/// A change, and whether a power cut leaves it there.
struct Written {
    durable: bool,
    what: What,
}

enum What {
    Begin {
        run: String,
        at: Timestamp,
        holder: Holder,
        steps: Vec<StepSummary>,
        fingerprint: String,
        plan_at: Timestamp,
        about: RunAbout,
    },
    Append {
        run: String,
        events: Vec<(Timestamp, EventKind)>,
    },
    Reopen {
        run: String,
        at: Timestamp,
        holder: Holder,
        steps: Vec<usize>,
    },
    Number {
        asset: AssetKey,
        slice: Slice,
        run: String,
        step: usize,
    },
    Beat {
        run: String,
        holder: Holder,
        at: Timestamp,
    },
    Cancel {
        run: String,
    },
}

/// Of what is replayed it is known that it was let through.
struct Anything;

impl Referee for Anything {
    fn alive(&self, _: &Holder, _: Timestamp) -> bool {
        false
    }

    fn overlap(&self, _: &AssetKey, _: &[&Slice], _: &[&Slice]) -> bool {
        false
    }
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self::of(Inner {
            state: Arc::new(MemoryState::new(ID)),
            #[cfg(feature = "sqlite")]
            file: None,
            written: Vec::new(),
            slots: BTreeSet::new(),
        })
    }

    /// A log in a file.
    #[cfg(feature = "sqlite")]
    pub(crate) fn in_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = open(folder.path());
        copy(folder.path(), &folder.path().join("flushed"));
        Self::of(Inner { state, file: Some(folder), written: Vec::new(), slots: BTreeSet::new() })
    }

    fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(Mutex::new(inner)), repeats: false, fails: 0 }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn state(&self) -> Arc<dyn State> {
        Arc::clone(&self.inner().state)
    }

    /// How much of the log the power may take, and how much there is.
    pub(crate) fn tail(&self) -> (usize, usize) {
        let inner = self.inner();
        let durable = inner.written.iter().rposition(|written| written.durable).map_or(0, |last| last + 1);
        (durable, inner.written.len())
    }

    /// The power goes, and of the newest changes only so many were on the disk.
    pub(crate) fn cut(&self, left: usize) {
        let mut inner = self.inner();
        inner.slots.clear();
        #[cfg(feature = "sqlite")]
        if inner.file.is_some() {
            // Closed before it is replaced.
            inner.state = Arc::new(MemoryState::new(ID));
            let folder = inner.file.as_ref().unwrap().path();
            copy(&folder.join("flushed"), folder);
            inner.state = open(folder);
            return;
        }
        inner.written.truncate(left);
        let state = MemoryState::new(ID);
        for written in &inner.written {
            written.what.again(&state).unwrap();
        }
        inner.state = Arc::new(state);
    }
}

#[cfg(feature = "sqlite")]
const FILES: [&str; 2] = ["state.db", "state.db-wal"];

#[cfg(feature = "sqlite")]
fn open(folder: &std::path::Path) -> Arc<dyn State> {
    let state = lakewright::state::SqliteState::new(folder.join(FILES[0]));
    state.log_id().unwrap();
    Arc::new(state)
}

/// Copies the log as it is, without what processes share of it in memory.
#[cfg(feature = "sqlite")]
fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    drop(std::fs::remove_file(to.join("state.db-shm")));
    for file in FILES {
        drop(std::fs::remove_file(to.join(file)));
        if from.join(file).exists() {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

impl What {
    fn again(&self, state: &MemoryState) -> Result<()> {
        match self {
            Self::Begin { run, at, holder, steps, fingerprint, plan_at, about } => {
                let (steps, about) = (steps.clone(), about.clone());
                let new = NewRun { run, at: *at, holder, steps, fingerprint, plan_at: *plan_at, about };
                state.begin(&new, &Anything).map(drop)
            }
            Self::Append { run, events } => state.append_all(run, events.clone()).map(drop),
            Self::Reopen { run, at, holder, steps } => state.reopen(run, *at, holder, steps, &Anything).map(drop),
            Self::Number { asset, slice, run, step } => state.number(asset, slice, run, *step).map(drop),
            Self::Beat { run, holder, at } => state.beat(run, holder, *at).map(drop),
            Self::Cancel { run } => state.cancel(run).map(drop),
        }
    }
}

pub(crate) struct Log {
    pub(crate) disk: Disk,
    pub(crate) process: Process,
}

impl Log {
    /// Changes the log, unless the process is killed before, or the log fails.
    fn write<T>(&self, durable: bool, what: impl FnOnce() -> What, write: impl FnOnce(&dyn State) -> Result<T>) -> Result<T> {
        self.process.instant()?;
        if self.process.world.goes_wrong(self.disk.fails) {
            return Err(Error::new(ErrorKind::Io, "the log cannot be written").retryable());
        }
        let mut inner = self.disk.inner();
        let written = write(inner.state.as_ref())?;
        inner.written.push(Written { durable, what: what() });
        #[cfg(feature = "sqlite")]
        if let Some(folder) = inner.file.as_ref().filter(|_| durable) {
            copy(folder.path(), &folder.path().join("flushed"));
        }
        drop(inner);
        self.process.instant()?;
        Ok(written)
    }

    fn read(&self) -> Result<Arc<dyn State>> {
        self.process.instant()?;
        Ok(self.disk.state())
    }

    /// The event as a log would tell it that issues numbers twice.
    fn told(&self, mut event: Event) -> Event {
        if let (true, EventKind::RunStarted { numbers, .. }) = (self.disk.repeats, &mut event.kind) {
            numbers.iter_mut().flatten().for_each(|number| *number = (*number - 1).max(1));
        }
        event
    }
}

impl State for Log {
    fn log_id(&self) -> Result<String> {
        self.read()?.log_id()
    }

    fn number(&self, asset: &AssetKey, slice: &Slice, run: &str, step: usize) -> Result<i64> {
        let what = || What::Number { asset: asset.clone(), slice: slice.clone(), run: run.to_owned(), step };
        self.write(true, what, |state| state.number(asset, slice, run, step))
    }

    fn append_all(&self, run: &str, events: Vec<(Timestamp, EventKind)>) -> Result<Vec<Event>> {
        let ends = events.iter().any(|(_, kind)| matches!(kind, EventKind::RunFinished { .. }));
        // What a process says that is no more is not heard, and another may go on with its run.
        let slot = self.disk.inner().slots.iter().find(|(_, holder, _)| holder == run).cloned();
        if ends
            && !self.process.is_killed()
            && let Some((pool, _, step)) = slot
        {
            self.process.world.violated(|| format!("run `{run}` ended with a slot of `{pool}` for step {step}"));
        }
        let what = || What::Append { run: run.to_owned(), events: events.clone() };
        self.write(ends, what, |state| state.append_all(run, events.clone()))
    }

    fn begin(&self, run: &NewRun<'_>, referee: &dyn Referee) -> Result<Event> {
        let what = || What::Begin {
            run: run.run.to_owned(),
            at: run.at,
            holder: run.holder.clone(),
            steps: run.steps.clone(),
            fingerprint: run.fingerprint.to_owned(),
            plan_at: run.plan_at,
            about: run.about.clone(),
        };
        self.write(true, what, |state| state.begin(run, referee)).map(|event| self.told(event))
    }

    fn reopen(&self, run: &str, at: Timestamp, holder: &Holder, steps: &[usize], referee: &dyn Referee) -> Result<Event> {
        let what = || What::Reopen { run: run.to_owned(), at, holder: holder.clone(), steps: steps.to_vec() };
        let event = self.write(true, what, |state| state.reopen(run, at, holder, steps, referee))?;
        self.disk.inner().slots.retain(|(_, holder, _)| holder != run);
        Ok(event)
    }

    fn beat(&self, run: &str, holder: &Holder, at: Timestamp) -> Result<Beat> {
        let what = || What::Beat { run: run.to_owned(), holder: holder.clone(), at };
        self.write(false, what, |state| state.beat(run, holder, at))
    }

    fn cancel(&self, run: &str) -> Result<bool> {
        self.write(true, || What::Cancel { run: run.to_owned() }, |state| state.cancel(run))
    }

    fn run(&self, run: &str) -> Result<Option<RunRecord>> {
        self.read()?.run(run)
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        self.read()?.runs(query)
    }

    fn run_events(&self, run: &str, after: u64, limit: usize) -> Result<Vec<Event>> {
        Ok(self.read()?.run_events(run, after, limit)?.into_iter().map(|event| self.told(event)).collect())
    }

    fn history(&self, asset: &AssetKey, before: u64, limit: usize) -> Result<Vec<Event>> {
        self.read()?.history(asset, before, limit)
    }

    fn take_slot(&self, pool: &str, limit: usize, run: &str, step: usize, referee: &dyn Referee) -> Result<bool> {
        let taken = self.read()?.take_slot(pool, limit, run, step, referee)?;
        if taken {
            self.disk.inner().slots.insert((pool.to_owned(), run.to_owned(), step));
        }
        self.process.instant().map(|()| taken)
    }

    fn free_slot(&self, pool: &str, run: &str, step: usize) -> Result<()> {
        self.read()?.free_slot(pool, run, step)?;
        self.disk.inner().slots.remove(&(pool.to_owned(), run.to_owned(), step));
        self.process.instant()
    }

    fn put_backfill(&self, backfill: &BackfillRecord) -> Result<()> {
        self.read()?.put_backfill(backfill)
    }

    fn backfill(&self, id: &str) -> Result<Option<BackfillRecord>> {
        self.read()?.backfill(id)
    }

    fn backfills(&self, limit: usize) -> Result<Vec<BackfillRecord>> {
        self.read()?.backfills(limit)
    }

    fn append_lines(&self, run: &str, lines: &[LogLine]) -> Result<()> {
        self.read()?.append_lines(run, lines)
    }

    fn lines(&self, run: &str, after: u64, limit: usize) -> Result<Vec<(u64, LogLine)>> {
        self.read()?.lines(run, after, limit)
    }

    fn snapshot(&self, asset: &AssetKey) -> Result<Option<Snapshot>> {
        self.read()?.snapshot(asset)
    }

    fn keep_snapshot(&self, asset: &AssetKey, snapshot: &Snapshot) -> Result<()> {
        self.read()?.keep_snapshot(asset, snapshot)
    }

    fn collect(&self, before: Timestamp) -> Result<Collected> {
        self.read()?.collect(before)
    }

    fn would_collect(&self, before: Timestamp) -> Result<Collected> {
        self.read()?.would_collect(before)
    }

    fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.read()?.events(after, limit)
    }

    fn keys(&self, set: &str) -> Result<Vec<String>> {
        self.read()?.keys(set)
    }

    fn add_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        self.read()?.add_keys(set, keys)
    }

    fn remove_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        self.read()?.remove_keys(set, keys)
    }

    fn slice_status(&self, asset: &AssetKey, after: u64) -> Result<Vec<SliceStatus>> {
        self.read()?.slice_status(asset, after)
    }
}
