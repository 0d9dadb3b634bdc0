//! Removes what is old: found without the lock, and removed in parts, so that others have their turn in between.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use roaring::RoaringTreemap;
use rusqlite::{Connection, Params, Transaction, params};

use super::read::{self, count, integer, time};
use super::{Durability, Failure, SqliteState};
use crate::error::{Error, ErrorKind, Result};
use crate::state::projection::may_be_left;
use crate::state::{BeforeFailure, Collected, needs_its_runs};

/// How many events are removed in one transaction; more if a single run has more.
const PART: usize = 4096;

/// Events that go together.
struct Group {
    /// The run that they are of, and when it ended, as it is written; none for what an earlier call kept of runs that it removed.
    of: Option<(String, String)>,
    events: RoaringTreemap,
}

pub(super) fn collect(log: &SqliteState, before: Timestamp) -> Result<Collected> {
    let mut collected = Collected::default();
    let mut groups = log.read(|connection| find(connection, before))?.into_iter().peekable();
    while groups.peek().is_some() {
        let (mut part, mut size) = (Vec::new(), 0);
        while size < PART as u64
            && let Some(group) = groups.next()
        {
            size += group.events.len();
            part.push(group);
        }
        let start = Instant::now();
        let removed = log.write(Durability::Full, |transaction, _| remove(transaction, &part))?;
        collected.runs += removed.runs;
        collected.events += removed.events;
        collected.lines += removed.lines;
        // Whoever waits for the lock has as long for it as it was held; `SQLite` looks for it ten times a second.
        thread::sleep(start.elapsed().min(Duration::from_millis(100)));
    }
    if collected.events > 0 {
        // Histories pass over what is not there any more, so this may come last.
        let sql =
            "DELETE FROM materializations WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.cursor = materializations.cursor)";
        log.write(Durability::Full, |transaction, _| Ok(transaction.execute(sql, params![])?))?;
    }
    Ok(collected)
}

pub(super) fn would_collect(connection: &Connection, before: Timestamp) -> Result<Collected, Failure> {
    let mut collected = Collected::default();
    let mut lines = connection.prepare_cached("SELECT count(*) FROM lines WHERE run = ?1")?;
    for group in find(connection, before)? {
        collected.events += group.events.len();
        if let Some((run, _)) = &group.of {
            collected.runs += 1;
            collected.lines += integer::<u64>(lines.query_row([run], |row| row.get(0))?)?;
        }
    }
    Ok(collected)
}

/// What is old. Of what is found nothing is needed again later: what becomes of a slice is said by newer events.
fn find(connection: &Connection, before: Timestamp) -> Result<Vec<Group>, Failure> {
    // All of it in one moment.
    let connection = connection.unchecked_transaction()?;
    let pointed_at = cursors(&connection, "SELECT cursor FROM partition_status", [])?;
    let mut groups = Vec::new();
    let mut events = leftovers(&connection, before, &pointed_at)?;
    let left = events.clone();
    for (run, finished) in ended_before(&connection, before)? {
        let own = cursors(&connection, "SELECT cursor FROM events WHERE run = ?1", [&run])? - &pointed_at;
        events |= &own;
        groups.push(Group { of: Some((run, finished)), events: own });
    }
    let kept = stored_before_failure(&connection, &events)?;
    for group in &mut groups {
        group.events -= &kept;
    }
    let left: Vec<u64> = (left - &kept).iter().collect();
    let left = left.chunks(PART).map(|part| Group { of: None, events: part.iter().copied().collect() });
    groups.extend(left);
    Ok(groups)
}

/// Removes what was found, but for runs that somebody has gone on with since.
fn remove(transaction: &Transaction<'_>, groups: &[Group]) -> Result<Collected, Failure> {
    let mut collected = Collected::default();
    let mut remove = transaction.prepare_cached("DELETE FROM events WHERE cursor = ?1")?;
    for group in groups {
        if let Some((run, finished)) = &group.of {
            let sql = "DELETE FROM runs WHERE run = ?1 AND finished = ?2";
            if transaction.prepare_cached(sql)?.execute([run, finished])? == 0 {
                continue;
            }
            collected.runs += 1;
            collected.lines += transaction.prepare_cached("DELETE FROM lines WHERE run = ?1")?.execute([run])? as u64;
            transaction.prepare_cached("DELETE FROM slots WHERE run = ?1")?.execute([run])?;
        }
        for cursor in &group.events {
            collected.events += remove.execute([count(cursor)])? as u64;
        }
    }
    Ok(collected)
}

/// The old events of runs of which there is no record, without those that are pointed at.
fn leftovers(connection: &Connection, before: Timestamp, pointed_at: &RoaringTreemap) -> Result<RoaringTreemap, Failure> {
    // By the index from each name to the next, since the events of runs that are there are many.
    let sql = "WITH RECURSIVE named (run) AS ( \
                   SELECT min(run) FROM events \
                   UNION ALL SELECT (SELECT min(run) FROM events WHERE run > named.run) FROM named WHERE named.run IS NOT NULL) \
               SELECT events.cursor FROM named CROSS JOIN events ON events.run = named.run \
               WHERE named.run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.run = named.run)";
    let mut left = RoaringTreemap::new();
    let mut select = connection.prepare_cached("SELECT cursor, v, run, at, kind FROM events WHERE cursor = ?1")?;
    for cursor in cursors(connection, sql, [])? - pointed_at {
        let mut rows = select.query([count(cursor)])?;
        if let Some(row) = rows.next()?
            && may_be_left(&read::event(row)?, before)
        {
            left.insert(cursor);
        }
    }
    Ok(left)
}

/// The runs that have ended before a moment, each with when, but for those that a backfill needs. Moments are texts of different
/// length, so `SQLite` cannot compare them.
fn ended_before(connection: &Connection, before: Timestamp) -> Result<Vec<(String, String)>, Failure> {
    let open = open_backfills(connection)?;
    let mut select = connection.prepare_cached("SELECT run, finished, backfill FROM runs WHERE finished IS NOT NULL")?;
    let mut rows = select.query([])?;
    let mut old = Vec::new();
    while let Some(row) = rows.next()? {
        let (run, finished, backfill): (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let damaged = || Error::new(ErrorKind::Corrupt, format!("when run `{run}` ended cannot be read"));
        let is_old = time(&finished).map_err(|error| damaged().source(error))? < before;
        if is_old && backfill.is_none_or(|backfill| !open.contains(&backfill)) {
            old.push((run, finished));
        }
    }
    Ok(old)
}

/// The backfills that are not done, of those that have runs.
fn open_backfills(connection: &Connection) -> Result<HashSet<String>, Failure> {
    let sql = "SELECT id, json FROM backfills WHERE EXISTS (SELECT 1 FROM runs WHERE runs.backfill = backfills.id)";
    let mut select = connection.prepare_cached(sql)?;
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
fn stored_before_failure(connection: &Connection, events: &RoaringTreemap) -> Result<RoaringTreemap, Failure> {
    let mut stored = BeforeFailure::default();
    let mut failed = connection.prepare_cached("SELECT asset, slice FROM partition_status WHERE status = 'failed'")?;
    let mut rows = failed.query([])?;
    while let Some(row) = rows.next()? {
        let (asset, slice): (String, String) = (row.get(0)?, row.get(1)?);
        stored.failed(asset.parse()?, slice.parse()?);
    }
    let sql = "SELECT cursor FROM materializations WHERE asset IN (SELECT asset FROM partition_status WHERE status = 'failed')";
    let told = cursors(connection, sql, [])?;
    let mut select = connection.prepare_cached("SELECT cursor, v, run, at, kind FROM events WHERE cursor = ?1")?;
    for cursor in told & events {
        let mut rows = select.query([count(cursor)])?;
        if let Some(row) = rows.next()? {
            stored.look(&read::event(row)?);
        }
    }
    Ok(stored.cursors().collect())
}

/// The cursors that a statement finds.
fn cursors(connection: &Connection, sql: &str, values: impl Params) -> Result<RoaringTreemap, Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(values)?;
    let mut found = RoaringTreemap::new();
    while let Some(row) = rows.next()? {
        found.insert(integer(row.get(0)?)?);
    }
    Ok(found)
}
