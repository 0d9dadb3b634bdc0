//! What outlives a step: the log of events and the numbers of commits, behind one trait.

mod defaults;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod projection;
mod records;
#[cfg(feature = "sqlite")]
mod sqlite;

pub(crate) use defaults::default_state;
#[cfg(feature = "sqlite")]
pub(crate) use defaults::state_file;
pub use memory::MemoryState;
#[cfg(feature = "postgres")]
pub use postgres::PostgresState;
pub(crate) use projection::told_of;
pub use records::{
    BackfillRecord, Beat, Collected, LogLine, NewRun, Referee, RunQuery, RunRecord, RunState, SliceStatus, Snapshot,
};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteState;

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

pub use crate::env::Holder;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind};
use crate::key::AssetKey;
use crate::slice::Slice;

/// A log of events that issues the numbers of commits.
///
/// Every method takes effect whole or not at all, may be called from any thread, and waits: for a lock, or for the disk. "Durable"
/// means that a power cut after the method has returned takes nothing back, where the log is one that outlives the process.
///
/// ```
/// use lakewright::Slice;
/// use lakewright::state::{MemoryState, State};
///
/// let state = MemoryState::new("3f9c2a7be1d04586");
/// let iris = "iris".parse()?;
/// assert_eq!(state.number(&iris, &Slice::Whole, "run", 0)?, 1);
/// assert_eq!(state.number(&iris, &Slice::Whole, "run", 0)?, 1, "the same step again");
/// assert_eq!(state.number(&iris, &Slice::Whole, "another run", 0)?, 2);
/// # Ok::<(), lakewright::Error>(())
/// ```
pub trait State: Send + Sync + 'static {
    /// Identifies the log. Commits of different logs are never taken for each other. Durable: a log never changes its identity, and
    /// one that is made anew never has that of an earlier one.
    ///
    /// # Errors
    /// If the log cannot be opened.
    fn log_id(&self) -> Result<String>;

    /// The number for the commit of this slice by this step of this run: 1 at first and greater for each further step, and the same
    /// again for a step that asks again.
    ///
    /// Durable: a number that were lost and issued again would make a later commit look like one that has already been made. And so
    /// is every event that was appended before it.
    ///
    /// # Errors
    /// If it cannot be recorded. It is [retryable](crate::Error::is_retryable) if another process held the log for too long.
    fn number(&self, asset: &AssetKey, slice: &Slice, run: &str, step: usize) -> Result<i64>;

    /// Appends an event and gives it its cursor, and brings [`State::partition_status`] up to date with it in the same transaction.
    ///
    /// Durable for the first and the last event of a run. Any other is so with the next durable call at the latest: a power cut
    /// before that may take the newest events back, and their cursors are then given again. Nothing that a store has committed
    /// depends on them.
    ///
    /// # Errors
    /// If it cannot be recorded; then neither is the status.
    fn append(&self, run: &str, at: Timestamp, kind: EventKind) -> Result<Event> {
        let appended = self.append_all(run, vec![(at, kind)])?;
        appended.into_iter().next().ok_or_else(|| Error::new(ErrorKind::Internal, "the log took an event and gave none back"))
    }

    /// As [`State::append`], for several events at once: all of them or none. Keeps [`State::run`] and [`State::history`] up to date as
    /// well.
    ///
    /// # Errors
    /// As [`State::append`].
    fn append_all(&self, run: &str, events: Vec<(Timestamp, EventKind)>) -> Result<Vec<Event>>;

    /// Begins a run, in one durable transaction: it issues a number for each slice of each step, and appends the first event of the
    /// run, which has them. A run of which this is not true has not begun.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] if a run that still goes on has a step to make that [overlaps](Referee::overlap) one of this; the error names
    /// the run and its process. Nothing is recorded then. [`ErrorKind::Present`] if there is a run of this name, or there was one of
    /// which [`State::collect`] has left events.
    fn begin(&self, run: &NewRun<'_>, referee: &dyn Referee) -> Result<Event>;

    /// Lets a run that has ended, or whose process has, go on under another holder, and appends [`EventKind::RunResumed`]. It has
    /// none of the slots that it had. Durable.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] if there is no such run, [`ErrorKind::Busy`] if it still goes on, or as [`State::begin`] if another run has
    /// one of the `steps` to make.
    fn reopen(&self, run: &str, at: Timestamp, holder: &Holder, steps: &[usize], referee: &dyn Referee) -> Result<Event>;

    /// Says that a run still goes on, and hears what it is to do. Called every few seconds; see [`Referee::alive`].
    ///
    /// # Errors
    /// If the log cannot be written.
    fn beat(&self, run: &str, holder: &Holder, at: Timestamp) -> Result<Beat>;

    /// Asks a run to stop, which it hears with its next [`State::beat`]; false if there is no such run or it has ended. Durable.
    ///
    /// # Errors
    /// If the log cannot be written.
    fn cancel(&self, run: &str) -> Result<bool>;

    /// A run.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn run(&self, run: &str) -> Result<Option<RunRecord>>;

    /// The runs that a query asks for, the one that began last first.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>>;

    /// Up to `limit` events of a run after a cursor, oldest first.
    ///
    /// # Errors
    /// As [`State::events`].
    fn run_events(&self, run: &str, after: u64, limit: usize) -> Result<Vec<Event>>;

    /// Up to `limit` events before a cursor that changed what is stored of an asset (materialized, reconciled, reported, wiped), newest
    /// first; `u64::MAX` begins at the end.
    ///
    /// # Errors
    /// As [`State::events`].
    fn history(&self, asset: &AssetKey, before: u64, limit: usize) -> Result<Vec<Event>>;

    /// Takes one of the `limit` slots of a pool for a step of a run; true also if it has one already. Slots of runs that do not go on any
    /// more are free.
    ///
    /// # Errors
    /// If the log cannot be written.
    fn take_slot(&self, pool: &str, limit: usize, run: &str, step: usize, referee: &dyn Referee) -> Result<bool>;

    /// Gives back the slot of a step, if it has one.
    ///
    /// # Errors
    /// If the log cannot be written.
    fn free_slot(&self, pool: &str, run: &str, step: usize) -> Result<()>;

    /// Keeps a backfill, in place of an earlier record of it. Durable.
    ///
    /// # Errors
    /// If the log cannot be written.
    fn put_backfill(&self, backfill: &BackfillRecord) -> Result<()>;

    /// A backfill.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn backfill(&self, id: &str) -> Result<Option<BackfillRecord>>;

    /// Up to `limit` backfills, newest first.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn backfills(&self, limit: usize) -> Result<Vec<BackfillRecord>>;

    /// Keeps what steps of a run wrote. Not durable.
    ///
    /// # Errors
    /// If the log cannot be written.
    fn append_lines(&self, run: &str, lines: &[LogLine]) -> Result<()>;

    /// Up to `limit` lines of a run after the `after`th, oldest first, each with its place.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn lines(&self, run: &str, after: u64, limit: usize) -> Result<Vec<(u64, LogLine)>>;

    /// What was last kept with [`State::keep_snapshot`], if anything.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn snapshot(&self, asset: &AssetKey) -> Result<Option<Snapshot>>;

    /// Keeps what [`State::slice_status`] comes to up to a cursor, in a form that is read at once. It may be lost at any time.
    ///
    /// # Errors
    /// If the log cannot be written.
    fn keep_snapshot(&self, asset: &AssetKey, snapshot: &Snapshot) -> Result<()>;

    /// Removes the runs that have ended before a moment, with their events and lines, but for the events that
    /// [`State::slice_status`] points at, and, of each slice that a run failed at last, the newest that says what is stored of
    /// it. Events that stayed for that go with a later call, when it is not true of them any more. Runs of a backfill whose record is
    /// there and has no `done` stay too, since only they tell how far it is. Numbers are never removed.
    ///
    /// It may take effect in parts, so that others need not wait for all of it. Each part is of whole runs.
    ///
    /// # Errors
    /// If the log cannot be written. What was removed before that is gone.
    fn collect(&self, before: Timestamp) -> Result<Collected>;

    /// What [`State::collect`] would remove now.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn would_collect(&self, before: Timestamp) -> Result<Collected>;

    /// Up to `limit` events after a cursor, oldest first. An event that is there is never preceded by one that appears later.
    ///
    /// # Errors
    /// If the log cannot be read, or holds events of a newer program.
    fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>>;

    /// The keys of a dynamic set, in the order they were added; empty for a set that nobody has added to.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn keys(&self, set: &str) -> Result<Vec<String>>;

    /// Adds keys to a dynamic set, and returns those that were not there, each once. Durable.
    ///
    /// # Errors
    /// If a key cannot be one, or the state cannot be written; then none is added.
    fn add_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>>;

    /// Removes keys from a dynamic set, and returns those that were there. What is stored for them stays. Durable.
    ///
    /// # Errors
    /// If the state cannot be written; then none is removed.
    fn remove_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>>;

    /// What became last of each slice of an asset that a run has tried, in the order of the events: a later one overrules an earlier
    /// one where they overlap. One row for each slice, as durable as the events it comes from.
    ///
    /// # Errors
    /// If the state cannot be read, or names slices that only a newer program knows.
    fn partition_status(&self, asset: &AssetKey) -> Result<Vec<(Slice, PartitionStatus)>> {
        Ok(self.slice_status(asset, 0)?.into_iter().map(|row| (row.slice, row.status)).collect())
    }

    /// As [`State::partition_status`], with the event that said so, of those after a cursor.
    ///
    /// # Errors
    /// As [`State::partition_status`].
    fn slice_status(&self, asset: &AssetKey, after: u64) -> Result<Vec<SliceStatus>>;

    /// As [`State::slice_status`], each row handed over as it is read, with the text of its slice: there may be a million. `row` must not
    /// ask the log for anything.
    ///
    /// # Errors
    /// As [`State::partition_status`], or what `row` returns.
    fn each_slice_status(&self, asset: &AssetKey, after: u64, row: &mut EachSlice<'_>) -> Result<()> {
        self.slice_status(asset, after)?.iter().try_for_each(|each| row(&each.slice.to_string(), each.status, each.cursor))
    }
}

/// What [`State::each_slice_status`] hands a row to: the text of the slice, what became of it, and the cursor of the event that said so.
pub type EachSlice<'a> = dyn FnMut(&str, PartitionStatus, u64) -> Result<()> + 'a;

/// What became of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PartitionStatus {
    /// It was stored.
    Materialized,
    /// The step that was to store it failed.
    Failed,
    /// It was removed.
    Wiped,
}

impl PartitionStatus {
    pub(crate) const ALL: [Self; 3] = [Self::Materialized, Self::Failed, Self::Wiped];
}

/// Finds, for slices that a run failed at last, the event that says what is stored of them. No status points at it.
#[derive(Default)]
pub(crate) struct BeforeFailure {
    newest: HashMap<AssetKey, HashMap<Slice, Option<u64>>>,
}

impl BeforeFailure {
    /// Looks out for a slice that a run failed at last.
    pub(crate) fn failed(&mut self, asset: AssetKey, slice: Slice) {
        self.newest.entry(asset).or_default().entry(slice).or_default();
    }

    /// Looks at an event that would go.
    pub(crate) fn look(&mut self, event: &Event) {
        let (asset, slice) = match &event.kind {
            EventKind::Materialized { materialization, .. } | EventKind::Reconciled { materialization, .. } => {
                (&materialization.asset, &materialization.slice)
            }
            EventKind::Reported { asset, slice, .. } | EventKind::Wiped { asset, slice } => (asset, slice),
            _ => return,
        };
        if let Some(newest) = self.newest.get_mut(asset).and_then(|slices| slices.get_mut(slice)) {
            *newest = (*newest).max(Some(event.cursor));
        }
    }

    /// The events that were found.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = u64> {
        self.newest.values().flat_map(HashMap::values).filter_map(|newest| *newest)
    }
}

/// Whether a backfill is not done, by the JSON of its record: only its runs tell how far it is, and without them what they
/// made would be made again. Of a record that cannot be read nobody knows that it is done.
pub(crate) fn needs_its_runs(backfill: &str) -> bool {
    #[derive(Deserialize)]
    struct Mark {
        #[serde(default)]
        done: Option<IgnoredAny>,
    }
    !serde_json::from_str::<Mark>(backfill).is_ok_and(|mark| mark.done.is_some())
}
