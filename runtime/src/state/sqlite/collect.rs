//! Removes what is old.

use std::collections::HashSet;

use jiff::Timestamp;
use roaring::RoaringTreemap;
use rusqlite::{Params, Transaction, params};

use super::Failure;
use super::read::{self, count, integer, time};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{BeforeFailure, Collected, needs_its_runs};

pub(super) fn collect(transaction: &Transaction<'_>, before: Timestamp) -> Result<Collected, Failure> {
    let old = ended_before(transaction, before)?;
    let mut collected = Collected { runs: old.len() as u64, ..Collected::default() };
    if old.is_empty() {
        return Ok(collected);
    }
    let mut events = RoaringTreemap::new();
    for run in &old {
        events |= cursors(transaction, "SELECT cursor FROM events WHERE run = ?1", [run])?;
    }
    let kept = cursors(transaction, "SELECT cursor FROM partition_status", [])? | stored_before_failure(transaction, &events)?;
    let mut remove = transaction.prepare_cached("DELETE FROM events WHERE cursor = ?1")?;
    for cursor in events - kept {
        collected.events += remove.execute([count(cursor)])? as u64;
    }
    for run in &old {
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

/// The runs that have ended before a moment, but for those that a backfill needs. Moments are texts of different length, so
/// `SQLite` cannot compare them.
fn ended_before(transaction: &Transaction<'_>, before: Timestamp) -> Result<Vec<String>, Failure> {
    let open = open_backfills(transaction)?;
    let mut select = transaction.prepare_cached("SELECT run, finished, backfill FROM runs WHERE finished IS NOT NULL")?;
    let mut rows = select.query([])?;
    let mut old = Vec::new();
    while let Some(row) = rows.next()? {
        let (run, finished, backfill): (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let damaged = || Error::new(ErrorKind::Corrupt, format!("when run `{run}` ended cannot be read"));
        let is_old = time(&finished).map_err(|error| damaged().source(error))? < before;
        if is_old && backfill.is_none_or(|backfill| !open.contains(&backfill)) {
            old.push(run);
        }
    }
    Ok(old)
}

/// The backfills that are not done, of those that have runs.
fn open_backfills(transaction: &Transaction<'_>) -> Result<HashSet<String>, Failure> {
    let sql = "SELECT id, json FROM backfills WHERE EXISTS (SELECT 1 FROM runs WHERE runs.backfill = backfills.id)";
    let mut select = transaction.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    let mut open = HashSet::new();
    while let Some(row) = rows.next()? {
        let (id, record): (String, String) = (row.get(0)?, row.get(1)?);
        if needs_its_runs(&record) {
            open.insert(id);
        }
    }
    Ok(open)
}

/// Of these events those that say what is stored of slices that a run failed at last.
fn stored_before_failure(transaction: &Transaction<'_>, events: &RoaringTreemap) -> Result<RoaringTreemap, Failure> {
    let mut stored = BeforeFailure::default();
    let mut failed = transaction.prepare_cached("SELECT asset, slice FROM partition_status WHERE status = 'failed'")?;
    let mut rows = failed.query([])?;
    while let Some(row) = rows.next()? {
        let (asset, slice): (String, String) = (row.get(0)?, row.get(1)?);
        stored.failed(asset.parse()?, slice.parse()?);
    }
    let sql = "SELECT cursor FROM materializations WHERE asset IN (SELECT asset FROM partition_status WHERE status = 'failed')";
    let told = cursors(transaction, sql, [])?;
    let mut select = transaction.prepare_cached("SELECT cursor, v, run, at, kind FROM events WHERE cursor = ?1")?;
    for cursor in told & events {
        let mut rows = select.query([count(cursor)])?;
        if let Some(row) = rows.next()? {
            stored.look(&read::event(row)?);
        }
    }
    Ok(stored.cursors().collect())
}

/// The cursors that a statement finds.
fn cursors(transaction: &Transaction<'_>, sql: &str, values: impl Params) -> Result<RoaringTreemap, Failure> {
    let mut select = transaction.prepare_cached(sql)?;
    let mut rows = select.query(values)?;
    let mut found = RoaringTreemap::new();
    while let Some(row) = rows.next()? {
        found.insert(integer(row.get(0)?)?);
    }
    Ok(found)
}
