//! Removes what is old.

use jiff::Timestamp;
use roaring::RoaringTreemap;
use rusqlite::{Transaction, params};

use super::Failure;
use super::read::{integer, time};
use crate::error::{Error, ErrorKind, Result};
use crate::state::Collected;

pub(super) fn collect(transaction: &Transaction<'_>, before: Timestamp) -> Result<Collected, Failure> {
    let old = ended_before(transaction, before)?;
    let mut collected = Collected { runs: old.len() as u64, ..Collected::default() };
    if old.is_empty() {
        return Ok(collected);
    }
    let kept = pointed_at(transaction)?;
    let mut of_run = transaction.prepare_cached("SELECT cursor FROM events WHERE run = ?1")?;
    let mut remove = transaction.prepare_cached("DELETE FROM events WHERE cursor = ?1")?;
    for run in &old {
        let cursors: Vec<i64> = of_run.query_map([run], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for cursor in cursors {
            if !kept.contains(integer(cursor)?) {
                collected.events += remove.execute([cursor])? as u64;
            }
        }
        collected.lines += transaction.prepare_cached("DELETE FROM lines WHERE run = ?1")?.execute([run])? as u64;
        transaction.prepare_cached("DELETE FROM slots WHERE run = ?1")?.execute([run])?;
        transaction.prepare_cached("DELETE FROM runs WHERE run = ?1")?.execute([run])?;
    }
    transaction.execute(
        "DELETE FROM materializations WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.cursor = materializations.cursor)",
        params![],
    )?;
    Ok(collected)
}

/// The runs that have ended before a moment. Moments are texts of different length, so `SQLite` cannot compare them.
fn ended_before(transaction: &Transaction<'_>, before: Timestamp) -> Result<Vec<String>, Failure> {
    let mut select = transaction.prepare_cached("SELECT run, finished FROM runs WHERE finished IS NOT NULL")?;
    let mut rows = select.query([])?;
    let mut old = Vec::new();
    while let Some(row) = rows.next()? {
        let (run, finished): (String, String) = (row.get(0)?, row.get(1)?);
        let damaged = || Error::new(ErrorKind::Corrupt, format!("when run `{run}` ended cannot be read"));
        if time(&finished).map_err(|error| damaged().source(error))? < before {
            old.push(run);
        }
    }
    Ok(old)
}

/// The events that say what became of a slice.
fn pointed_at(transaction: &Transaction<'_>) -> Result<RoaringTreemap, Failure> {
    let mut select = transaction.prepare_cached("SELECT cursor FROM partition_status")?;
    let mut rows = select.query([])?;
    let mut kept = RoaringTreemap::new();
    while let Some(row) = rows.next()? {
        kept.insert(integer(row.get(0)?)?);
    }
    Ok(kept)
}
