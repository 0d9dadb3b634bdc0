//! The calls of the trait: which of them write, and what of it a power cut may not take back.

use jiff::Timestamp;

use super::{Durability, SqliteState, collect, kept, read, runs, write};
use crate::error::Result;
use crate::event::{Event, EventKind};
use crate::key::AssetKey;
use crate::slice::Slice;
use crate::state::projection::check_keys;
use crate::state::{
    BackfillRecord, Beat, Collected, EachSlice, Holder, LogLine, NewRun, Referee, RunQuery, RunRecord, SliceStatus, Snapshot,
    State,
};

impl State for SqliteState {
    fn log_id(&self) -> Result<String> {
        if let Some(known) = self.id.get() {
            return Ok(known.clone());
        }
        self.write(Durability::Full, |transaction, _| read::log_id(transaction))
    }

    fn number(&self, asset: &AssetKey, slice: &Slice, run: &str, step: usize) -> Result<i64> {
        let (asset, slice) = (asset.to_string(), slice.digest());
        self.write(Durability::Full, |transaction, _| write::number(transaction, &asset, &slice, run, step))
    }

    fn append_all(&self, run: &str, events: Vec<(Timestamp, EventKind)>) -> Result<Vec<Event>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        // The plan of a run is there before any of it can be, and what has been said to be over is not taken back.
        let ends =
            |(_, kind): &(Timestamp, EventKind)| matches!(kind, EventKind::RunStarted { .. } | EventKind::RunFinished { .. });
        let durability = if events.iter().any(ends) { Durability::Full } else { Durability::Normal };
        self.write(durability, |transaction, projection| write::append(transaction, projection, run, events))
    }

    fn begin(&self, run: &NewRun<'_>, referee: &dyn Referee) -> Result<Event> {
        self.write(Durability::Full, |transaction, projection| runs::begin(transaction, projection, run, referee))
    }

    fn reopen(&self, run: &str, at: Timestamp, holder: &Holder, steps: &[usize], referee: &dyn Referee) -> Result<Event> {
        self.write(Durability::Full, |transaction, projection| {
            runs::reopen(transaction, projection, run, at, holder, steps, referee)
        })
    }

    fn beat(&self, run: &str, holder: &Holder, at: Timestamp) -> Result<Beat> {
        self.write(Durability::Normal, |transaction, _| runs::beat(transaction, run, holder, at))
    }

    fn cancel(&self, run: &str) -> Result<bool> {
        self.write(Durability::Full, |transaction, _| runs::cancel(transaction, run))
    }

    fn run(&self, run: &str) -> Result<Option<RunRecord>> {
        self.read(|connection| runs::get(connection, run))
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        self.read(|connection| runs::list(connection, query))
    }

    fn run_events(&self, run: &str, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.read(|connection| read::run_events(connection, run, after, limit))
    }

    fn history(&self, asset: &AssetKey, before: u64, limit: usize) -> Result<Vec<Event>> {
        self.read(|connection| read::history(connection, asset, before, limit))
    }

    fn take_slot(&self, pool: &str, limit: usize, run: &str, step: usize, referee: &dyn Referee) -> Result<bool> {
        self.write(Durability::Normal, |transaction, _| runs::take_slot(transaction, pool, limit, run, step, referee))
    }

    fn free_slot(&self, pool: &str, run: &str, step: usize) -> Result<()> {
        self.write(Durability::Normal, |transaction, _| runs::free_slot(transaction, pool, run, step))
    }

    fn put_backfill(&self, backfill: &BackfillRecord) -> Result<()> {
        self.write(Durability::Full, |transaction, _| kept::put_backfill(transaction, backfill))
    }

    fn backfill(&self, id: &str) -> Result<Option<BackfillRecord>> {
        self.read(|connection| kept::backfill(connection, id))
    }

    fn backfills(&self, limit: usize) -> Result<Vec<BackfillRecord>> {
        self.read(|connection| kept::backfills(connection, limit))
    }

    fn append_lines(&self, run: &str, lines: &[LogLine]) -> Result<()> {
        self.write(Durability::Normal, |transaction, _| kept::append_lines(transaction, run, lines))
    }

    fn lines(&self, run: &str, after: u64, limit: usize) -> Result<Vec<(u64, LogLine)>> {
        self.read(|connection| kept::lines(connection, run, after, limit))
    }

    fn snapshot(&self, asset: &AssetKey) -> Result<Option<Snapshot>> {
        self.read(|connection| kept::snapshot(connection, asset))
    }

    fn keep_snapshot(&self, asset: &AssetKey, snapshot: &Snapshot) -> Result<()> {
        self.write(Durability::Normal, |transaction, _| kept::keep_snapshot(transaction, asset, snapshot))
    }

    fn collect(&self, before: Timestamp) -> Result<Collected> {
        collect::collect(self, before)
    }

    fn would_collect(&self, before: Timestamp) -> Result<Collected> {
        self.read(|connection| collect::would_collect(connection, before))
    }

    fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.read(|connection| read::events(connection, after, limit))
    }

    fn keys(&self, set: &str) -> Result<Vec<String>> {
        self.read(|connection| read::keys(connection, set))
    }

    fn add_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        check_keys(set, keys)?;
        self.write(Durability::Full, |transaction, _| write::add_keys(transaction, set, keys))
    }

    fn remove_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        self.write(Durability::Full, |transaction, _| write::remove_keys(transaction, set, keys))
    }

    fn slice_status(&self, asset: &AssetKey, after: u64) -> Result<Vec<SliceStatus>> {
        self.read(|connection| read::slice_status(connection, asset, after))
    }

    fn each_slice_status(&self, asset: &AssetKey, after: u64, row: &mut EachSlice<'_>) -> Result<()> {
        self.read(|connection| read::each_slice_status(connection, asset, after, row))
    }
}
