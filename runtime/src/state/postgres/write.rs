//! What is written to the log: values for whole arrays at once, so that ten thousand of a thing are as many round trips as one.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use tokio_postgres::Row;

use super::failure::Failure;
use super::link::{Link, Request};
use super::read;
use super::rows::{json, moment, run as run_of, run_columns, status_text, whole};
use super::transaction::Transaction;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EVENT_VERSION, Event, EventKind, StepSummary};
use crate::key::AssetKey;
use crate::slice::Slice;
use crate::state::projection::{
    first_event, follow, no_run, over, refuse_overlap, refuse_running, steps_of, told_of, used_already,
};
use crate::state::{Holder, LogLine, NewRun, Referee, RunRecord, RunState};

/// A run, for who writes what follows from it.
pub(super) fn look_at_run(run: &str) -> Request {
    Request::new(concat!("SELECT ", run_columns!(), " FROM @.runs WHERE run = $1 FOR UPDATE")).with(run.to_owned())
}

/// The other runs that have not ended.
pub(super) fn look_at_others(run: &str) -> Request {
    let sql = concat!("SELECT ", run_columns!(), " FROM @.runs WHERE finished IS NULL AND run <> $1");
    Request::new(sql).with(run.to_owned())
}

/// Whether there are events of a run, of which there may be no record any more.
pub(super) fn look_at_events(run: &str) -> Request {
    Request::new("SELECT 1 FROM @.events WHERE run = $1 LIMIT 1").with(run.to_owned())
}

/// What a step was given that asked by itself.
pub(super) fn look_at_issued(asset: &AssetKey, slice: &Slice, run: &str, step: i64) -> Request {
    Request::new("SELECT number FROM @.issued WHERE asset = $1 AND slice = $2 AND run = $3 AND step = $4")
        .with(asset.to_string())
        .with(slice.digest())
        .with(run.to_owned())
        .with(step)
}

pub(super) fn number(
    transaction: &mut Transaction<'_>,
    asset: &AssetKey,
    slice: &Slice,
    run: &str,
    step: i64,
) -> Result<i64, Failure> {
    if let Some(known) = transaction.seen[0].first() {
        return Ok(known.get(0));
    }
    let (asset, slice) = (asset.to_string(), slice.digest());
    let issued = transaction.link.query(
        "WITH issued AS (INSERT INTO @.numbers AS known (asset, slice, number) VALUES ($1, $2, 1) \
         ON CONFLICT (asset, slice) DO UPDATE SET number = known.number + 1 RETURNING number) \
         INSERT INTO @.issued (asset, slice, run, step, number) SELECT $1, $2, $3, $4, number FROM issued RETURNING number",
        &[&asset, &slice, &run, &step],
    )?;
    Ok(issued.first().ok_or_else(|| internal("the log issued no number"))?.get(0))
}

/// A number for each slice of each step.
fn numbers(link: &mut Link, steps: &[StepSummary]) -> Result<Vec<Vec<i64>>, Failure> {
    let mut wanted: BTreeMap<(String, String), i64> = BTreeMap::new();
    let places: Vec<Vec<(String, String)>> = steps
        .iter()
        .map(|step| step.assets.iter().zip(&step.slices).map(|(asset, slice)| (asset.to_string(), slice.digest())).collect())
        .collect();
    for place in places.iter().flatten() {
        *wanted.entry(place.clone()).or_default() += 1;
    }
    let (mut assets, mut slices, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for ((asset, slice), count) in &wanted {
        assets.push(asset.as_str());
        slices.push(slice.as_str());
        counts.push(*count);
    }
    let rows = link.query(
        "INSERT INTO @.numbers AS known (asset, slice, number) SELECT * FROM unnest($1::text[], $2::text[], $3::int8[]) \
         ON CONFLICT (asset, slice) DO UPDATE SET number = known.number + excluded.number RETURNING asset, slice, number",
        &[&assets, &slices, &counts],
    )?;
    // A slice that is made twice in one run takes several at once; the first of them comes first.
    let mut next: HashMap<(String, String), i64> = HashMap::new();
    for row in &rows {
        let place = (row.get(0), row.get(1));
        let count = wanted.get(&place).copied().unwrap_or(1);
        next.insert(place, row.get::<_, i64>(2) - count + 1);
    }
    let mut take = |place: &(String, String)| {
        let next = next.get_mut(place).ok_or_else(|| internal("the log issued no number"))?;
        *next += 1;
        Ok(*next - 1)
    };
    Ok(places.iter().map(|places| places.iter().map(&mut take).collect()).collect::<Result<_>>()?)
}

/// Appends events of a run that was looked at.
pub(super) fn append(
    transaction: &mut Transaction<'_>,
    run: &str,
    events: &[(Timestamp, EventKind)],
) -> Result<Vec<Event>, Failure> {
    let before = transaction.seen[0].first().map(run_of).transpose()?;
    let appended = put_events(transaction, run, events)?;
    let mut record = before.clone();
    for event in &appended {
        if let (None, EventKind::RunStarted { steps, about, .. }) = (&record, &event.kind) {
            record = Some(RunRecord::new(run, event.cursor, event.at, steps.len() as u64, about.clone()));
        }
        if let Some(record) = &mut record {
            follow(record, event.at, &event.kind);
        }
    }
    match (before, record) {
        (_, None) => {}
        (None, Some(record)) => transaction.later(new_run(&record)?),
        (Some(before), Some(record)) if before == record => {}
        (Some(_), Some(record)) => transaction.later(changed_run(&record)),
    }
    Ok(appended)
}

pub(super) fn begin(transaction: &mut Transaction<'_>, run: &NewRun<'_>, referee: &dyn Referee) -> Result<Event, Failure> {
    if !transaction.seen[0].is_empty() || !transaction.seen[2].is_empty() {
        return Err(used_already(run.run).into());
    }
    admit(transaction, &run.steps.iter().collect::<Vec<_>>(), referee)?;
    let numbers = numbers(transaction.link, &run.steps)?;
    let event = put_event(transaction, run.run, run.at, first_event(run, numbers))?;
    let mut record = RunRecord::new(run.run, event.cursor, run.at, run.steps.len() as u64, run.about.clone());
    record.holder = Some(run.holder.clone());
    transaction.later(new_run(&record)?);
    Ok(event)
}

pub(super) fn reopen(
    transaction: &mut Transaction<'_>,
    run: &str,
    at: Timestamp,
    holder: &Holder,
    steps: &[usize],
    referee: &dyn Referee,
) -> Result<Event, Failure> {
    let mut record = run_of(transaction.seen[0].first().ok_or_else(|| no_run(run))?)?;
    refuse_running(&record, referee)?;
    let (_, all) = steps_of(run, read::first_of_run(transaction.link, run)?)?;
    admit(transaction, &steps.iter().filter_map(|step| all.get(*step)).collect::<Vec<_>>(), referee)?;
    let event = put_event(transaction, run, at, EventKind::RunResumed { steps: steps.to_vec() })?;
    follow(&mut record, at, &event.kind);
    transaction.later(changed_run(&record));
    // Whoever held the run before cannot give them back.
    transaction.later(Request::new("DELETE FROM @.slots WHERE run = $1").with(run.to_owned()));
    transaction.later(
        Request::new("UPDATE @.runs SET holder = $2, beat = $3 WHERE run = $1")
            .with(run.to_owned())
            .with(json(holder)?)
            .with(moment(at)),
    );
    Ok(event)
}

/// Refuses steps of which another run that goes on makes a part; those that may are the second that was looked at.
fn admit(transaction: &mut Transaction<'_>, wanted: &[&StepSummary], referee: &dyn Referee) -> Result<(), Failure> {
    let Transaction { link, seen, .. } = transaction;
    for row in &seen[1] {
        let other = run_of(row)?;
        if other.state(referee) != RunState::Running {
            continue;
        }
        let (_, steps) = steps_of(&other.run, read::first_of_run(link, &other.run)?)?;
        refuse_overlap(wanted, &other, &steps, referee, || {
            let endings = read::endings(link, &other.run)?;
            Ok::<_, Failure>(over(endings.iter().map(|event| &event.kind)))
        })?;
    }
    Ok(())
}

fn put_event(transaction: &mut Transaction<'_>, run: &str, at: Timestamp, kind: EventKind) -> Result<Event, Failure> {
    let appended = put_events(transaction, run, &[(at, kind)])?;
    Ok(appended.into_iter().next().ok_or_else(|| internal("the log took an event and gave none back"))?)
}

/// Appends events, and what they say of slices.
fn put_events(transaction: &mut Transaction<'_>, run: &str, events: &[(Timestamp, EventKind)]) -> Result<Vec<Event>, Failure> {
    let before = transaction.cursor;
    let (mut at, mut kinds, mut told) = (Vec::new(), Vec::new(), Vec::new());
    let mut appended = Vec::with_capacity(events.len());
    // The last word on each slice, since one statement cannot write a row twice.
    let mut statuses: HashMap<(String, String), (String, &'static str, i64)> = HashMap::new();
    for (index, (moment_of, kind)) in events.iter().enumerate() {
        let Transaction { link, projection, cursor, .. } = transaction;
        let first = || match read::first_of_run(link, run)? {
            Some(event) => Ok(Some(event.kind)),
            None => Ok::<_, Failure>(events[..index].first().map(|(_, kind)| kind.clone())),
        };
        let changes = projection.changes(run, kind, first)?;
        *cursor += 1;
        for (asset, slice, status) in changes {
            let place = (asset.to_string(), slice.digest());
            statuses.insert(place, (slice.to_string(), status_text(status), *cursor));
        }
        at.push(moment(*moment_of));
        kinds.push(json(kind)?);
        told.push(told_of(kind).map(ToString::to_string));
        let cursor = u64::try_from(*cursor).map_err(|error| internal("a cursor is below all others").source(error))?;
        appended.push(Event { v: EVENT_VERSION, cursor, run: run.to_owned(), at: *moment_of, kind: kind.clone() });
    }
    if appended.is_empty() {
        return Ok(appended);
    }
    transaction.later(
        Request::new(
            "INSERT INTO @.events (cursor, v, run, at, kind, told) SELECT $1 + place, $2, $3, at, kind, told \
             FROM unnest($4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS new (at, kind, told, place)",
        )
        .with(before)
        .with(i64::from(EVENT_VERSION))
        .with(run.to_owned())
        .with(at)
        .with(kinds)
        .with(told),
    );
    if !statuses.is_empty() {
        transaction.later(put_statuses(statuses));
    }
    Ok(appended)
}

fn put_statuses(statuses: HashMap<(String, String), (String, &'static str, i64)>) -> Request {
    let (mut assets, mut digests, mut slices, mut texts, mut cursors) = (vec![], vec![], vec![], vec![], vec![]);
    for ((asset, digest), (slice, text, cursor)) in statuses {
        assets.push(asset);
        digests.push(digest);
        slices.push(slice);
        texts.push(text);
        cursors.push(cursor);
    }
    Request::new(
        "INSERT INTO @.statuses (asset, digest, slice, status, cursor) \
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[]) \
         ON CONFLICT (asset, digest) DO UPDATE SET status = excluded.status, cursor = excluded.cursor",
    )
    .with(assets)
    .with(digests)
    .with(slices)
    .with(texts)
    .with(cursors)
}

fn new_run(record: &RunRecord) -> Result<Request> {
    let sql = concat!(
        "INSERT INTO @.runs (",
        run_columns!(),
        ", backfill) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    );
    Ok(Request::new(sql)
        .with(record.run.clone())
        .with(whole(record.first))
        .with(record.recorded.name())
        .with(moment(record.started))
        .with(record.finished.map(moment))
        .with(record.holder.as_ref().map(json).transpose()?)
        .with(moment(record.beat))
        .with(record.cancel)
        .with(whole(record.steps))
        .with(whole(record.succeeded))
        .with(whole(record.failed))
        .with(whole(record.skipped))
        .with(json(&record.about)?)
        .with(record.about.backfill.clone()))
}

/// What events change of a run. The rest is its holder's, who writes it without the lock.
fn changed_run(record: &RunRecord) -> Request {
    Request::new(
        "UPDATE @.runs SET recorded = $2, finished = $3, cancel = $4, succeeded = $5, failed = $6, skipped = $7 WHERE run = $1",
    )
    .with(record.run.clone())
    .with(record.recorded.name())
    .with(record.finished.map(moment))
    .with(record.cancel)
    .with(whole(record.succeeded))
    .with(whole(record.failed))
    .with(whole(record.skipped))
}

/// The slots of a pool that are taken, each with its run.
pub(super) fn look_at_slots(pool: &str) -> Request {
    Request::new(
        "SELECT runs.run, first, recorded, started, finished, holder, beat, cancel, steps, succeeded, failed, skipped, about, \
         slots.run, slots.step FROM @.slots AS slots LEFT JOIN @.runs AS runs ON runs.run = slots.run WHERE slots.pool = $1",
    )
    .with(pool.to_owned())
}

/// Who has the slots of a pool.
pub(super) struct Slots {
    /// Whether the one who asks has one.
    pub(super) held: bool,
    /// How many belong to runs that go on.
    pub(super) taken: usize,
    /// Those of runs that do not.
    left: Vec<(String, i64)>,
}

impl Slots {
    pub(super) fn read(rows: &[Row], run: &str, step: i64, referee: &dyn Referee) -> Result<Self, Failure> {
        let mut slots = Self { held: false, taken: 0, left: Vec::new() };
        for row in rows {
            let (holder, of): (&str, i64) = (row.get(13), row.get(14));
            let record = row.get::<_, Option<&str>>(0).map(|_| run_of(row)).transpose()?;
            if record.is_none_or(|record| record.state(referee) != RunState::Running) {
                slots.left.push((holder.to_owned(), of));
            } else {
                slots.taken += 1;
                slots.held |= (holder, of) == (run, step);
            }
        }
        Ok(slots)
    }
}

pub(super) fn take_slot(
    transaction: &mut Transaction<'_>,
    pool: &str,
    limit: usize,
    run: &str,
    step: i64,
    referee: &dyn Referee,
) -> Result<bool, Failure> {
    let slots = Slots::read(&transaction.seen[0], run, step, referee)?;
    if !slots.left.is_empty() {
        let (runs, steps): (Vec<String>, Vec<i64>) = slots.left.into_iter().unzip();
        transaction.later(
            Request::new("DELETE FROM @.slots WHERE pool = $1 AND (run, step) IN (SELECT * FROM unnest($2::text[], $3::int8[]))")
                .with(pool.to_owned())
                .with(runs)
                .with(steps),
        );
    }
    let free = slots.taken < limit;
    if free && !slots.held {
        transaction.later(
            Request::new("INSERT INTO @.slots (pool, run, step) VALUES ($1, $2, $3)")
                .with(pool.to_owned())
                .with(run.to_owned())
                .with(step),
        );
    }
    Ok(free || slots.held)
}

/// The place of the last line of a run.
pub(super) fn look_at_lines(run: &str) -> Request {
    Request::new("SELECT coalesce(max(place), 0) FROM @.lines WHERE run = $1").with(run.to_owned())
}

pub(super) fn lines(transaction: &mut Transaction<'_>, run: &str, lines: &[LogLine]) -> Result<(), Failure> {
    let last: i64 = transaction.seen[0].first().ok_or_else(|| internal("the log counts no lines"))?.get(0);
    let lines = lines.iter().map(json).collect::<Result<Vec<String>>>()?;
    transaction.later(
        Request::new(
            "INSERT INTO @.lines (run, place, line) SELECT $1, $2 + place, line \
             FROM unnest($3::text[]) WITH ORDINALITY AS new (line, place)",
        )
        .with(run.to_owned())
        .with(last)
        .with(lines),
    );
    Ok(())
}

/// Those of these keys that are in a set, and the last place in it.
pub(super) fn look_at_keys(set: &str, keys: &[String]) -> Vec<Request> {
    let digests: Vec<String> = keys.iter().map(|key| digest(key)).collect();
    vec![
        Request::new("SELECT key FROM @.dynamic_keys WHERE set = $1 AND digest = ANY ($2)").with(set.to_owned()).with(digests),
        Request::new("SELECT coalesce(max(place), 0) FROM @.dynamic_keys WHERE set = $1").with(set.to_owned()),
    ]
}

pub(super) fn add_keys(transaction: &mut Transaction<'_>, set: &str, keys: &[String]) -> Result<Vec<String>, Failure> {
    let last: i64 = transaction.seen[1].first().ok_or_else(|| internal("the log counts no keys"))?.get(0);
    let mut there: HashSet<String> = transaction.seen[0].iter().map(|row| row.get(0)).collect();
    let added: Vec<String> = keys.iter().filter(|key| there.insert((*key).clone())).cloned().collect();
    if !added.is_empty() {
        transaction.later(
            Request::new(
                "INSERT INTO @.dynamic_keys (set, digest, key, place) SELECT $1, digest, key, $2 + place \
                 FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS new (digest, key, place)",
            )
            .with(set.to_owned())
            .with(last)
            .with(added.iter().map(|key| digest(key)).collect::<Vec<_>>())
            .with(added.clone()),
        );
    }
    Ok(added)
}

pub(super) fn remove_keys(transaction: &mut Transaction<'_>, set: &str, keys: &[String]) -> Vec<String> {
    let mut there: HashSet<String> = transaction.seen[0].iter().map(|row| row.get(0)).collect();
    let removed: Vec<String> = keys.iter().filter(|key| there.remove(*key)).cloned().collect();
    if !removed.is_empty() {
        transaction.later(
            Request::new("DELETE FROM @.dynamic_keys WHERE set = $1 AND digest = ANY ($2)")
                .with(set.to_owned())
                .with(removed.iter().map(|key| digest(key)).collect::<Vec<_>>()),
        );
    }
    removed
}

/// What stands for a key in an index, which has no room for long ones.
fn digest(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex()[..32].to_owned()
}

fn internal(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, message)
}
