//! What is written to the log, each within a transaction that holds the lock.

use jiff::Timestamp;
use rusqlite::{Transaction, params};
use serde::Serialize;

use super::read::count;
use super::{Failure, read, runs};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EVENT_VERSION, Event, EventKind, StepSummary};
use crate::state::RunRecord;
use crate::state::projection::{Projection, follow, told_of};

const NUMBER: &str = "INSERT INTO numbers (asset, slice, number) VALUES (?1, ?2, 1) \
                      ON CONFLICT (asset, slice) DO UPDATE SET number = number + 1 RETURNING number";

pub(super) fn number(transaction: &Transaction<'_>, asset: &str, slice: &str, run: &str, step: usize) -> Result<i64, Failure> {
    let step = i64::try_from(step).map_err(|_| internal(format!("step {step} of run `{run}` is no step")))?;
    if let Some(known) = read::issued(transaction, asset, slice, run, step)? {
        return Ok(known);
    }
    let number: i64 = transaction.prepare_cached(NUMBER)?.query_row([asset, slice], |row| row.get(0))?;
    transaction
        .prepare_cached("INSERT INTO issued (asset, slice, run, step, number) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![asset, slice, run, step, number])?;
    Ok(number)
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
    let mut upsert = transaction.prepare_cached(NUMBER)?;
    for (asset, slice, step, place) in wanted {
        numbers[step][place] = upsert.query_row([asset, &slice], |row| row.get(0))?;
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
    let mut insert = transaction.prepare_cached("INSERT INTO events (v, run, at, kind) VALUES (?1, ?2, ?3, ?4)")?;
    let before = runs::get(transaction, run)?;
    let mut record = before.clone();
    let mut told = Vec::with_capacity(events.len());
    let mut text = Vec::new();
    for (at, kind) in events {
        let changes =
            projection.changes(run, &kind, || Ok::<_, Failure>(read::first_of_run(transaction, run)?.map(|event| event.kind)))?;
        text.clear();
        serde_json::to_writer(&mut text, &kind).map_err(|error| internal(NO_JSON).source(error))?;
        let json = std::str::from_utf8(&text).map_err(|error| internal(NO_JSON).source(error))?;
        insert.execute(params![EVENT_VERSION, run, at.to_string(), json])?;
        let row = transaction.last_insert_rowid();
        if !changes.is_empty() {
            let mut upsert = transaction.prepare_cached(
                "INSERT INTO partition_status (asset, slice, status, cursor) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (asset, slice) DO UPDATE SET status = excluded.status, cursor = excluded.cursor",
            )?;
            for (asset, slice, status) in changes {
                upsert.execute(params![asset.as_str(), slice.to_string(), read::status_text(status), row])?;
            }
        }
        let cursor = u64::try_from(row).map_err(|error| internal(format!("event {row} is below all others")).source(error))?;
        let event = Event { v: EVENT_VERSION, cursor, run: run.to_owned(), at, kind };
        remember(transaction, &event)?;
        sum_up(&mut record, &event);
        told.push(event);
    }
    if let Some(record) = record.filter(|record| before.as_ref() != Some(record)) {
        runs::put(transaction, &record)?;
    }
    Ok(told)
}

/// Adds an event to the history of its asset, if it belongs there.
pub(super) fn remember(transaction: &Transaction<'_>, event: &Event) -> Result<(), Failure> {
    if let Some(asset) = told_of(&event.kind) {
        let mut insert = transaction.prepare_cached("INSERT INTO materializations (asset, cursor) VALUES (?1, ?2)")?;
        insert.execute(params![asset.as_str(), count(event.cursor)])?;
    }
    Ok(())
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
