//! What the log keeps for others, as it was given: backfills, lines, snapshots.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Failure;
use super::read::{count, integer, time};
use crate::error::{Error, ErrorKind, Result};
use crate::key::AssetKey;
use crate::state::{BackfillRecord, LogLine, Snapshot};

pub(super) fn put_backfill(transaction: &Transaction<'_>, backfill: &BackfillRecord) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "INSERT INTO backfills (id, at, json) VALUES (?1, ?2, ?3) \
             ON CONFLICT (id) DO UPDATE SET at = excluded.at, json = excluded.json",
        )?
        .execute(params![backfill.id, backfill.at.to_string(), backfill.json])?;
    Ok(())
}

pub(super) fn backfill(connection: &Connection, id: &str) -> Result<Option<BackfillRecord>, Failure> {
    let mut select = connection.prepare_cached("SELECT at, json FROM backfills WHERE id = ?1")?;
    let found: Option<(String, String)> = select.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let record = |(at, json): (String, String)| Ok(BackfillRecord { id: id.to_owned(), at: moment(&at)?, json });
    found.map(record).transpose()
}

pub(super) fn backfills(connection: &Connection, limit: usize) -> Result<Vec<BackfillRecord>, Failure> {
    // Moments are texts of different length, which do not sort as they are; and what a backfill is to do can be long.
    let mut select = connection.prepare_cached("SELECT at, id FROM backfills")?;
    let mut rows = select.query([])?;
    let mut all: Vec<(Timestamp, String)> = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((moment(&row.get::<_, String>(0)?)?, row.get(1)?));
    }
    all.sort_unstable_by(|one, other| other.cmp(one));
    all.truncate(limit);
    Ok(all.iter().map(|(_, id)| backfill(connection, id)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

pub(super) fn append_lines(transaction: &Transaction<'_>, run: &str, lines: &[LogLine]) -> Result<(), Failure> {
    let mut last = transaction.prepare_cached("SELECT coalesce(max(place), 0) FROM lines WHERE run = ?1")?;
    let last: i64 = last.query_row([run], |row| row.get(0))?;
    let mut insert = transaction
        .prepare_cached("INSERT INTO lines (run, place, step, at, level, target, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for (line, place) in lines.iter().zip(last + 1..) {
        let step = line.step.map(count);
        insert.execute(params![run, place, step, line.at.to_string(), line.level, line.target, line.text])?;
    }
    Ok(())
}

pub(super) fn lines(connection: &Connection, run: &str, after: u64, limit: usize) -> Result<Vec<(u64, LogLine)>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT place, step, at, level, target, text FROM lines WHERE run = ?1 AND place > ?2 ORDER BY place LIMIT ?3",
    )?;
    let mut rows = select.query(params![run, count(after), count(limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let line = LogLine {
            step: row.get::<_, Option<i64>>(1)?.map(integer).transpose()?,
            at: moment(&row.get::<_, String>(2)?)?,
            level: row.get(3)?,
            target: row.get(4)?,
            text: row.get(5)?,
        };
        found.push((integer(row.get(0)?)?, line));
    }
    Ok(found)
}

pub(super) fn snapshot(connection: &Connection, asset: &AssetKey) -> Result<Option<Snapshot>, Failure> {
    let mut select = connection.prepare_cached("SELECT cursor, space, bytes FROM snapshots WHERE asset = ?1")?;
    let mut rows = select.query([asset.to_string()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Snapshot { cursor: integer(row.get(0)?)?, space: row.get(1)?, bytes: row.get(2)? }))
}

pub(super) fn keep_snapshot(transaction: &Transaction<'_>, asset: &AssetKey, snapshot: &Snapshot) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "INSERT INTO snapshots (asset, cursor, space, bytes) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (asset) DO UPDATE SET cursor = excluded.cursor, space = excluded.space, bytes = excluded.bytes",
        )?
        .execute(params![asset.to_string(), count(snapshot.cursor), snapshot.space, snapshot.bytes])?;
    Ok(())
}

fn moment(text: &str) -> Result<Timestamp> {
    time(text).map_err(|error| Error::new(ErrorKind::Corrupt, format!("`{text}` is no moment")).source(error))
}
