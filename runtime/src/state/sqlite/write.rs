//! What is written to the log, each within a transaction that holds the lock.

use std::sync::LazyLock;

use jiff::Timestamp;
use rusqlite::{CachedStatement, OptionalExtension, Transaction, params};
use serde::Serialize;

use super::read::count;
use super::{Failure, read, runs};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EVENT_VERSION, Event, EventKind, StepSummary};
use crate::state::RunRecord;
use crate::state::projection::{Projection, follow, told_of};

/// How many events one statement inserts, if there are as many.
const ROWS: usize = 32;

static INSERT_ROWS: LazyLock<String> = LazyLock::new(|| {
    let rows: Vec<String> = (0..ROWS).map(|row| format!("(?1, ?2, ?{}, ?{})", 3 + 2 * row, 4 + 2 * row)).collect();
    format!("INSERT INTO events (v, run, at, kind) VALUES {}", rows.join(", "))
});

pub(super) fn number(transaction: &Transaction<'_>, asset: &str, slice: &str, run: &str, step: usize) -> Result<i64, Failure> {
    let step = i64::try_from(step).map_err(|_| internal(format!("step {step} of run `{run}` is no step")))?;
    if let Some(known) = read::issued(transaction, asset, slice, run, step)? {
        return Ok(known);
    }
    let number = Numbers::new(transaction)?.next(asset, slice)?;
    transaction
        .prepare_cached("INSERT INTO issued (asset, slice, run, step, number) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![asset, slice, run, step, number])?;
    Ok(number)
}

/// The greatest number of each slice.
struct Numbers<'t> {
    get: CachedStatement<'t>,
    put: CachedStatement<'t>,
}

impl<'t> Numbers<'t> {
    fn new(transaction: &'t Transaction<'_>) -> Result<Self, Failure> {
        let get = transaction.prepare_cached("SELECT number FROM numbers WHERE asset = ?1 AND slice = ?2")?;
        let put = transaction.prepare_cached(
            "INSERT INTO numbers (asset, slice, number) VALUES (?1, ?2, ?3) \
             ON CONFLICT (asset, slice) DO UPDATE SET number = excluded.number",
        )?;
        Ok(Self { get, put })
    }

    /// The next of a slice. One statement could do it, and `SQLite` would make a table for the one row that it returns.
    fn next(&mut self, asset: &str, slice: &str) -> Result<i64, Failure> {
        let last: Option<i64> = self.get.query_row([asset, slice], |row| row.get(0)).optional()?;
        let next = last.unwrap_or_default() + 1;
        self.put.execute(params![asset, slice, next])?;
        Ok(next)
    }
}

/// A number for each slice of each step. Which step has which is for the first event of the run to say.
pub(super) fn numbers(transaction: &Transaction<'_>, steps: &[StepSummary]) -> Result<Vec<Vec<i64>>, Failure> {
    let mut wanted = Vec::with_capacity(steps.len());
    for (number, step) in steps.iter().enumerate() {
        for (place, (asset, slice)) in step.assets.iter().zip(&step.slices).enumerate() {
            wanted.push((asset.as_str(), slice.digest(), number, place));
        }
    }
    // In the order of the table, so that each of its pages is touched once; and for one slice in the order of the steps.
    wanted.sort_unstable();
    let mut numbers: Vec<Vec<i64>> = steps.iter().map(|step| vec![0; step.assets.len().min(step.slices.len())]).collect();
    let mut of_slices = Numbers::new(transaction)?;
    for (asset, slice, step, place) in wanted {
        numbers[step][place] = of_slices.next(asset, &slice)?;
    }
    Ok(numbers)
}

/// Appends events, and brings what is kept of slices and of the run up to date with them. What is kept of the run is read and written
/// once, however many events there are.
pub(super) fn append(
    transaction: &Transaction<'_>,
    projection: &mut Projection,
    run: &str,
    events: Vec<(Timestamp, EventKind)>,
) -> Result<Vec<Event>, Failure> {
    let before = runs::get(transaction, run)?;
    let mut record = before.clone();
    let mut told = Vec::with_capacity(events.len());
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO partition_status (asset, slice, status, cursor) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (asset, slice) DO UPDATE SET status = excluded.status, cursor = excluded.cursor",
    )?;
    let mut histories = Histories::new(transaction)?;
    let mut text = Vec::new();
    let mut events = events.into_iter();
    loop {
        let some: Vec<(Timestamp, EventKind)> = events.by_ref().take(ROWS).collect();
        if some.is_empty() {
            break;
        }
        let first = insert(transaction, run, &some, &mut text)?;
        for (row, (at, kind)) in (first..).zip(some) {
            let first_of_run = || Ok::<_, Failure>(read::first_of_run(transaction, run)?.map(|event| event.kind));
            for (asset, slice, status) in projection.changes(run, &kind, first_of_run)? {
                upsert.execute(params![asset.as_str(), slice.to_string(), read::status_text(status), row])?;
            }
            let cursor =
                u64::try_from(row).map_err(|error| internal(format!("event {row} is below all others")).source(error))?;
            let event = Event { v: EVENT_VERSION, cursor, run: run.to_owned(), at, kind };
            histories.add(&event)?;
            sum_up(&mut record, &event);
            told.push(event);
        }
    }
    if let Some(record) = record.filter(|record| before.as_ref() != Some(record)) {
        runs::put(transaction, &record)?;
    }
    Ok(told)
}

/// Inserts events, no more than [`ROWS`] of them, and gives the cursor of the first. Those of the others follow it, since nobody else
/// writes in the meantime. A statement for each would look up and write the last cursor of the log each time.
fn insert(
    transaction: &Transaction<'_>,
    run: &str,
    events: &[(Timestamp, EventKind)],
    text: &mut Vec<u8>,
) -> Result<i64, Failure> {
    let rows = if events.len() == ROWS { ROWS } else { 1 };
    let sql = if rows == ROWS { INSERT_ROWS.as_str() } else { "INSERT INTO events (v, run, at, kind) VALUES (?1, ?2, ?3, ?4)" };
    let mut statement = transaction.prepare_cached(sql)?;
    statement.raw_bind_parameter(1, EVENT_VERSION)?;
    statement.raw_bind_parameter(2, run)?;
    for events in events.chunks(rows) {
        for (place, (at, kind)) in events.iter().enumerate() {
            text.clear();
            serde_json::to_writer(&mut *text, kind).map_err(|error| internal(NO_JSON).source(error))?;
            let json = std::str::from_utf8(text).map_err(|error| internal(NO_JSON).source(error))?;
            statement.raw_bind_parameter(3 + 2 * place, at.to_string())?;
            statement.raw_bind_parameter(4 + 2 * place, json)?;
        }
        statement.raw_execute()?;
    }
    Ok(transaction.last_insert_rowid() - count(events.len() as u64) + 1)
}

/// The histories of assets.
pub(super) struct Histories<'t>(CachedStatement<'t>);

impl<'t> Histories<'t> {
    pub(super) fn new(transaction: &'t Transaction<'_>) -> Result<Self, Failure> {
        Ok(Self(transaction.prepare_cached("INSERT INTO materializations (asset, cursor) VALUES (?1, ?2)")?))
    }

    /// Adds an event to the history of its asset, if it belongs there.
    pub(super) fn add(&mut self, event: &Event) -> Result<(), Failure> {
        if let Some(asset) = told_of(&event.kind) {
            self.0.execute(params![asset.as_str(), count(event.cursor)])?;
        }
        Ok(())
    }
}

/// Brings a run up to date with an event of it, which may be its first.
pub(super) fn sum_up(record: &mut Option<RunRecord>, event: &Event) {
    if let (None, EventKind::RunStarted { steps, about, .. }) = (&record, &event.kind) {
        *record = Some(RunRecord::new(&*event.run, event.cursor, event.at, steps.len() as u64, about.clone()));
    }
    if let Some(record) = record {
        follow(record, event.at, &event.kind);
    }
}

pub(super) fn add_keys(transaction: &Transaction<'_>, set: &str, keys: &[String]) -> Result<Vec<String>, Failure> {
    let mut insert = transaction.prepare_cached(
        r#"INSERT INTO dynamic_keys ("set", "key", place)
           VALUES (?1, ?2, (SELECT coalesce(max(place), 0) + 1 FROM dynamic_keys WHERE "set" = ?1))
           ON CONFLICT DO NOTHING"#,
    )?;
    let mut added = Vec::new();
    for key in keys {
        if insert.execute(params![set, key])? == 1 {
            added.push(key.clone());
        }
    }
    Ok(added)
}

pub(super) fn remove_keys(transaction: &Transaction<'_>, set: &str, keys: &[String]) -> Result<Vec<String>, Failure> {
    let mut delete = transaction.prepare_cached(r#"DELETE FROM dynamic_keys WHERE "set" = ?1 AND "key" = ?2"#)?;
    let mut removed = Vec::new();
    for key in keys {
        if delete.execute(params![set, key])? == 1 {
            removed.push(key.clone());
        }
    }
    Ok(removed)
}

const NO_JSON: &str = "cannot write an entry of the log as JSON";

pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| internal(NO_JSON).source(error))
}

pub(super) fn internal(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, message)
}
