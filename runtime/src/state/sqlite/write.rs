//! What is written to the log, each within a transaction that holds the lock.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::{Failure, read};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EVENT_VERSION, Event, EventKind};
use crate::state::projection::Projection;

pub(super) fn number(transaction: &Transaction<'_>, asset: &str, slice: &str, run: &str, step: usize) -> Result<i64, Failure> {
    let step = i64::try_from(step).map_err(|_| internal(format!("step {step} of run `{run}` is no step")))?;
    if let Some(known) = read::issued(transaction, asset, slice, run, step)? {
        return Ok(known);
    }
    let number: i64 = transaction
        .prepare_cached(
            "INSERT INTO numbers (asset, slice, number) VALUES (?1, ?2, 1) \
             ON CONFLICT (asset, slice) DO UPDATE SET number = number + 1 RETURNING number",
        )?
        .query_row(params![asset, slice], |row| row.get(0))?;
    transaction
        .prepare_cached("INSERT INTO issued (asset, slice, run, step, number) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![asset, slice, run, step, number])?;
    Ok(number)
}

pub(super) fn append(
    transaction: &Transaction<'_>,
    projection: &mut Projection,
    run: &str,
    at: Timestamp,
    kind: EventKind,
) -> Result<Event, Failure> {
    let changes = projection.changes(run, &kind, || read::first_of_run(transaction, run))?;
    let json = serde_json::to_string(&kind).map_err(|error| internal("cannot write an event as JSON").source(error))?;
    transaction.prepare_cached("INSERT INTO events (v, run, at, kind) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        EVENT_VERSION,
        run,
        at.to_string(),
        json
    ])?;
    let row = transaction.last_insert_rowid();
    if !changes.is_empty() {
        let mut upsert = transaction.prepare_cached(
            "INSERT INTO partition_status (asset, slice, status, cursor) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (asset, slice) DO UPDATE SET status = excluded.status, cursor = excluded.cursor",
        )?;
        for (asset, slice, status) in changes {
            upsert.execute(params![asset.to_string(), slice.to_string(), read::status_text(status), row])?;
        }
    }
    let cursor = u64::try_from(row).map_err(|error| internal(format!("event {row} is below all others")).source(error))?;
    Ok(Event { v: EVENT_VERSION, cursor, run: run.to_owned(), at, kind })
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

fn internal(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, message)
}
