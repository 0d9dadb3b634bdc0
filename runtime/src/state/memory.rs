//! A log that lives as long as the process.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::projection::{
    Projection, check_keys, first_event, follow, may_be_left, no_run, over, refuse_overlap, refuse_running, steps_of, told_of,
    used_already,
};
use super::{
    BackfillRecord, Beat, BeforeFailure, Collected, Holder, LogLine, NewRun, PartitionStatus, Referee, RunQuery, RunRecord,
    SliceStatus, Snapshot, State, needs_its_runs,
};
use crate::error::{Error, Result};
use crate::event::{EVENT_VERSION, Event, EventKind, StepSummary};
use crate::key::AssetKey;
use crate::slice::Slice;

/// Keeps the log in memory: for tests, and for assets whose stores are in memory too.
///
/// ```
/// use lakewright::state::{MemoryState, State};
///
/// let state = MemoryState::new("3f9c2a7be1d04586");
/// assert_eq!(state.add_keys("regions", &["north".into(), "south".into()])?, ["north", "south"]);
/// assert_eq!(state.remove_keys("regions", &["north".into(), "east".into()])?, ["north"]);
/// assert_eq!(state.keys("regions")?, ["south"]);
/// # Ok::<(), lakewright::Error>(())
/// ```
pub struct MemoryState {
    id: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    events: Vec<Event>,
    /// The runs that they are of.
    named: HashSet<String>,
    /// The greatest number of each slice.
    numbers: HashMap<(AssetKey, Slice), i64>,
    /// What each step was given that asked by itself.
    issued: HashMap<(AssetKey, Slice), HashMap<(String, usize), i64>>,
    keys: HashMap<String, Vec<String>>,
    projection: Projection,
    status: HashMap<AssetKey, HashMap<Slice, (u64, PartitionStatus)>>,
    /// The last cursor that was given.
    cursor: u64,
    runs: HashMap<String, RunRecord>,
    slots: HashMap<String, Vec<(String, usize)>>,
    backfills: BTreeMap<String, BackfillRecord>,
    lines: HashMap<String, Vec<LogLine>>,
    snapshots: HashMap<AssetKey, Snapshot>,
}

/// What is old: runs, and events by their cursors.
struct Old {
    runs: HashSet<String>,
    events: HashSet<u64>,
}

impl MemoryState {
    /// An empty log with this identity, which should be random.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn number(&mut self, asset: &AssetKey, slice: &Slice) -> i64 {
        let last = self.numbers.entry((asset.clone(), slice.clone())).or_default();
        *last += 1;
        *last
    }

    fn append(&mut self, run: &str, at: Timestamp, kind: EventKind) -> Result<Event> {
        let Self { events, named, projection, status, runs, cursor, .. } = self;
        let first = || -> Result<_> { Ok(events.iter().find(|event| event.run == run).map(|event| event.kind.clone())) };
        let changes = projection.changes(run, &kind, first)?;
        *cursor += 1;
        for (asset, slice, what) in changes {
            status.entry(asset).or_default().insert(slice, (*cursor, what));
        }
        if let EventKind::RunStarted { steps, about, .. } = &kind {
            let record = RunRecord::new(run, *cursor, at, steps.len() as u64, about.clone());
            runs.entry(run.to_owned()).or_insert(record);
        }
        if let Some(record) = runs.get_mut(run) {
            follow(record, at, &kind);
        }
        if !named.contains(run) {
            named.insert(run.to_owned());
        }
        let event = Event { v: EVENT_VERSION, cursor: *cursor, run: run.to_owned(), at, kind };
        events.push(event.clone());
        Ok(event)
    }

    fn first_of(&self, run: &str) -> Option<Event> {
        self.events.iter().find(|event| event.run == run).cloned()
    }

    fn old(&self, before: Timestamp) -> Old {
        let open = self.backfills.values().filter(|backfill| needs_its_runs(&backfill.json));
        let open: HashSet<&str> = open.map(|backfill| backfill.id.as_str()).collect();
        let runs: HashSet<String> = self
            .runs
            .values()
            .filter(|record| record.finished.is_some_and(|finished| finished < before))
            .filter(|record| record.about.backfill.as_deref().is_none_or(|backfill| !open.contains(backfill)))
            .map(|record| record.run.clone())
            .collect();
        let pointed_at: HashSet<u64> = self.status.values().flat_map(HashMap::values).map(|(cursor, _)| *cursor).collect();
        let goes = |event: &&Event| {
            let is_known = self.runs.contains_key(&event.run);
            let is_old = if is_known { runs.contains(&event.run) } else { may_be_left(event, before) };
            is_old && !pointed_at.contains(&event.cursor)
        };
        let gone: Vec<&Event> = self.events.iter().filter(goes).collect();
        let mut stored = BeforeFailure::default();
        for (asset, slices) in &self.status {
            for (slice, _) in slices.iter().filter(|(_, (_, what))| *what == PartitionStatus::Failed) {
                stored.failed(asset.clone(), slice.clone());
            }
        }
        for event in &gone {
            stored.look(event);
        }
        let mut events: HashSet<u64> = gone.iter().map(|event| event.cursor).collect();
        for cursor in stored.cursors() {
            events.remove(&cursor);
        }
        Old { runs, events }
    }

    fn counted(&self, old: &Old) -> Collected {
        let lines: usize = old.runs.iter().filter_map(|run| self.lines.get(run)).map(Vec::len).sum();
        Collected { runs: old.runs.len() as u64, events: old.events.len() as u64, lines: lines as u64 }
    }

    /// Refuses steps of which another run that goes on makes a part.
    fn admit(&self, run: &str, wanted: &[&StepSummary], referee: &dyn Referee) -> Result<()> {
        for other in self.runs.values().filter(|other| other.run != run && other.finished.is_none()) {
            if other.state(referee) != super::RunState::Running {
                continue;
            }
            let (_, steps) = steps_of(&other.run, self.first_of(&other.run))?;
            let events = self.events.iter().filter(|event| event.run == other.run).map(|event| &event.kind);
            refuse_overlap(wanted, other, &steps, referee, || Ok::<_, Error>(over(events)))?;
        }
        Ok(())
    }
}

impl State for MemoryState {
    fn log_id(&self) -> Result<String> {
        Ok(self.id.clone())
    }

    fn number(&self, asset: &AssetKey, slice: &Slice, run: &str, step: usize) -> Result<i64> {
        let mut inner = self.inner();
        let place = (asset.clone(), slice.clone());
        let who = (run.to_owned(), step);
        if let Some(known) = inner.issued.get(&place).and_then(|issued| issued.get(&who)) {
            return Ok(*known);
        }
        let number = inner.number(asset, slice);
        inner.issued.entry(place).or_default().insert(who, number);
        Ok(number)
    }

    fn append_all(&self, run: &str, events: Vec<(Timestamp, EventKind)>) -> Result<Vec<Event>> {
        let mut inner = self.inner();
        events.into_iter().map(|(at, kind)| inner.append(run, at, kind)).collect()
    }

    fn begin(&self, run: &NewRun<'_>, referee: &dyn Referee) -> Result<Event> {
        let mut inner = self.inner();
        if inner.named.contains(run.run) {
            return Err(used_already(run.run));
        }
        inner.admit(run.run, &run.steps.iter().collect::<Vec<_>>(), referee)?;
        let mut numbers = Vec::with_capacity(run.steps.len());
        for step in &run.steps {
            numbers.push(step.assets.iter().zip(&step.slices).map(|(asset, slice)| inner.number(asset, slice)).collect());
        }
        let event = inner.append(run.run, run.at, first_event(run, numbers))?;
        if let Some(record) = inner.runs.get_mut(run.run) {
            record.holder = Some(run.holder.clone());
        }
        Ok(event)
    }

    fn reopen(&self, run: &str, at: Timestamp, holder: &Holder, steps: &[usize], referee: &dyn Referee) -> Result<Event> {
        let mut inner = self.inner();
        refuse_running(inner.runs.get(run).ok_or_else(|| no_run(run))?, referee)?;
        let (_, all) = steps_of(run, inner.first_of(run))?;
        inner.admit(run, &steps.iter().filter_map(|step| all.get(*step)).collect::<Vec<_>>(), referee)?;
        // Whoever held the run before cannot give them back.
        inner.slots.values_mut().for_each(|slots| slots.retain(|(holder, _)| holder != run));
        let event = inner.append(run, at, EventKind::RunResumed { steps: steps.to_vec() })?;
        if let Some(record) = inner.runs.get_mut(run) {
            record.holder = Some(holder.clone());
            record.beat = at;
        }
        Ok(event)
    }

    fn beat(&self, run: &str, holder: &Holder, at: Timestamp) -> Result<Beat> {
        let mut inner = self.inner();
        let Some(record) = inner.runs.get_mut(run).filter(|record| record.holder.as_ref() == Some(holder)) else {
            return Ok(Beat::Lost);
        };
        record.beat = at;
        Ok(if record.cancel { Beat::Cancel } else { Beat::Go })
    }

    fn cancel(&self, run: &str) -> Result<bool> {
        let mut inner = self.inner();
        let Some(record) = inner.runs.get_mut(run).filter(|record| record.finished.is_none()) else { return Ok(false) };
        record.cancel = true;
        Ok(true)
    }

    fn run(&self, run: &str) -> Result<Option<RunRecord>> {
        Ok(self.inner().runs.get(run).cloned())
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let inner = self.inner();
        let wanted = |record: &&RunRecord| {
            query.before.is_none_or(|before| record.first < before)
                && (query.backfill.is_none() || record.about.backfill == query.backfill)
                && (!query.open || record.finished.is_none())
        };
        let mut runs: Vec<RunRecord> = inner.runs.values().filter(wanted).cloned().collect();
        runs.sort_by_key(|record| std::cmp::Reverse(record.first));
        runs.truncate(query.limit);
        Ok(runs)
    }

    fn run_events(&self, run: &str, after: u64, limit: usize) -> Result<Vec<Event>> {
        let inner = self.inner();
        let start = inner.events.partition_point(|event| event.cursor <= after);
        Ok(inner.events[start..].iter().filter(|event| event.run == run).take(limit).cloned().collect())
    }

    fn history(&self, asset: &AssetKey, before: u64, limit: usize) -> Result<Vec<Event>> {
        let inner = self.inner();
        let of = |event: &&Event| event.cursor < before && told_of(&event.kind) == Some(asset);
        Ok(inner.events.iter().rev().filter(of).take(limit).cloned().collect())
    }

    fn take_slot(&self, pool: &str, limit: usize, run: &str, step: usize, referee: &dyn Referee) -> Result<bool> {
        let Inner { slots, runs, .. } = &mut *self.inner();
        let slots = slots.entry(pool.to_owned()).or_default();
        let goes_on = |run: &str| runs.get(run).is_some_and(|record| record.state(referee) == super::RunState::Running);
        slots.retain(|(holder, _)| goes_on(holder));
        let taker = (run.to_owned(), step);
        if slots.contains(&taker) {
            return Ok(true);
        }
        let free = slots.len() < limit;
        if free {
            slots.push(taker);
        }
        Ok(free)
    }

    fn free_slot(&self, pool: &str, run: &str, step: usize) -> Result<()> {
        if let Some(slots) = self.inner().slots.get_mut(pool) {
            slots.retain(|(holder, taken)| holder != run || *taken != step);
        }
        Ok(())
    }

    fn put_backfill(&self, backfill: &BackfillRecord) -> Result<()> {
        self.inner().backfills.insert(backfill.id.clone(), backfill.clone());
        Ok(())
    }

    fn backfill(&self, id: &str) -> Result<Option<BackfillRecord>> {
        Ok(self.inner().backfills.get(id).cloned())
    }

    fn backfills(&self, limit: usize) -> Result<Vec<BackfillRecord>> {
        let mut all: Vec<_> = self.inner().backfills.values().cloned().collect();
        all.sort_by(|one, other| (other.at, &other.id).cmp(&(one.at, &one.id)));
        all.truncate(limit);
        Ok(all)
    }

    fn append_lines(&self, run: &str, lines: &[LogLine]) -> Result<()> {
        self.inner().lines.entry(run.to_owned()).or_default().extend_from_slice(lines);
        Ok(())
    }

    fn lines(&self, run: &str, after: u64, limit: usize) -> Result<Vec<(u64, LogLine)>> {
        let inner = self.inner();
        let lines = inner.lines.get(run).into_iter().flatten().zip(1u64..).map(|(line, place)| (place, line.clone()));
        Ok(lines.filter(|(place, _)| *place > after).take(limit).collect())
    }

    fn snapshot(&self, asset: &AssetKey) -> Result<Option<Snapshot>> {
        Ok(self.inner().snapshots.get(asset).cloned())
    }

    fn keep_snapshot(&self, asset: &AssetKey, snapshot: &Snapshot) -> Result<()> {
        self.inner().snapshots.insert(asset.clone(), snapshot.clone());
        Ok(())
    }

    fn collect(&self, before: Timestamp) -> Result<Collected> {
        let mut inner = self.inner();
        let old = inner.old(before);
        let collected = inner.counted(&old);
        inner.events.retain(|event| !old.events.contains(&event.cursor));
        inner.named = inner.events.iter().map(|event| event.run.clone()).collect();
        inner.lines.retain(|run, _| !old.runs.contains(run));
        inner.runs.retain(|run, _| !old.runs.contains(run));
        Ok(collected)
    }

    fn would_collect(&self, before: Timestamp) -> Result<Collected> {
        let inner = self.inner();
        Ok(inner.counted(&inner.old(before)))
    }

    fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        let inner = self.inner();
        let start = inner.events.partition_point(|event| event.cursor <= after);
        Ok(inner.events[start..].iter().take(limit).cloned().collect())
    }

    fn keys(&self, set: &str) -> Result<Vec<String>> {
        Ok(self.inner().keys.get(set).cloned().unwrap_or_default())
    }

    fn add_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        check_keys(set, keys)?;
        let mut inner = self.inner();
        let known = inner.keys.entry(set.to_owned()).or_default();
        let mut there: HashSet<String> = known.iter().cloned().collect();
        let added: Vec<String> = keys.iter().filter(|key| there.insert((*key).clone())).cloned().collect();
        known.extend(added.iter().cloned());
        Ok(added)
    }

    fn remove_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        let mut inner = self.inner();
        let Some(known) = inner.keys.get_mut(set) else { return Ok(Vec::new()) };
        let mut there: HashSet<&str> = known.iter().map(String::as_str).collect();
        let removed: Vec<String> = keys.iter().filter(|key| there.remove(key.as_str())).cloned().collect();
        let gone: HashSet<&str> = removed.iter().map(String::as_str).collect();
        known.retain(|key| !gone.contains(key.as_str()));
        Ok(removed)
    }

    fn slice_status(&self, asset: &AssetKey, after: u64) -> Result<Vec<SliceStatus>> {
        let inner = self.inner();
        let rows = inner.status.get(asset).into_iter().flatten().filter(|(_, (cursor, _))| *cursor > after);
        let mut rows: Vec<_> = rows
            .map(|(slice, (cursor, status))| SliceStatus { slice: slice.clone(), status: *status, cursor: *cursor })
            .collect();
        rows.sort_by_key(|row| row.cursor);
        Ok(rows)
    }
}
