//! What is read from the log. Damage is an error, never an empty answer.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Rows, params};

use super::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EVENT_VERSION, Event, EventKind};
use crate::key::AssetKey;
use crate::state::{EachSlice, PartitionStatus, SliceStatus};

pub(super) fn log_id(connection: &Connection) -> Result<String, Failure> {
    Ok(connection.prepare_cached("SELECT log_id FROM meta")?.query_row([], |row| row.get(0))?)
}

pub(super) fn events(connection: &Connection, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT cursor, v, run, at, kind FROM events WHERE cursor > ?1 ORDER BY cursor LIMIT ?2")?;
    all(select.query(params![count(after), count(limit)])?)
}

pub(super) fn run_events(connection: &Connection, run: &str, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
    let mut select = connection
        .prepare_cached("SELECT cursor, v, run, at, kind FROM events WHERE run = ?1 AND cursor > ?2 ORDER BY cursor LIMIT ?3")?;
    all(select.query(params![run, count(after), count(limit)])?)
}

pub(super) fn history(connection: &Connection, asset: &AssetKey, before: u64, limit: usize) -> Result<Vec<Event>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT e.cursor, e.v, e.run, e.at, e.kind FROM materializations m CROSS JOIN events e ON e.cursor = m.cursor \
         WHERE m.asset = ?1 AND m.cursor < ?2 ORDER BY m.cursor DESC LIMIT ?3",
    )?;
    all(select.query(params![asset.to_string(), count(before), count(limit)])?)
}

/// The first event of a run.
pub(super) fn first_of_run(connection: &Connection, run: &str) -> Result<Option<Event>, Failure> {
    Ok(run_events(connection, run, 0, 1)?.into_iter().next())
}

/// What says of the steps of a run whether they are over, in order.
pub(super) fn endings(connection: &Connection, run: &str) -> Result<Vec<EventKind>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT cursor, v, run, at, kind FROM events WHERE run = ?1 \
         AND kind ->> 'kind' IN ('step_succeeded', 'step_failed', 'step_skipped', 'run_resumed') ORDER BY cursor",
    )?;
    Ok(all(select.query([run])?)?.into_iter().map(|event| event.kind).collect())
}

fn all(mut rows: Rows<'_>) -> Result<Vec<Event>, Failure> {
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(event(row)?);
    }
    Ok(events)
}

/// An event from the columns `cursor, v, run, at, kind`.
pub(super) fn event(row: &Row<'_>) -> Result<Event, Failure> {
    let (cursor, v): (i64, i64) = (row.get(0)?, row.get(1)?);
    if v > i64::from(EVENT_VERSION) {
        let message = format!("event {cursor} has version {v}, and this program knows {EVENT_VERSION}");
        return Err(Error::new(ErrorKind::Unsupported, message).help("use the program that wrote it, or a newer one").into());
    }
    let damaged = || Error::new(ErrorKind::Corrupt, format!("event {cursor} cannot be read"));
    let text = |column| -> Result<&str, Failure> { Ok(row.get_ref(column)?.as_str().map_err(|error| damaged().source(error))?) };
    Ok(Event {
        v: u32::try_from(v).map_err(|error| damaged().source(error))?,
        cursor: u64::try_from(cursor).map_err(|error| damaged().source(error))?,
        run: text(2)?.to_owned(),
        at: time(text(3)?).map_err(|error| damaged().source(error))?,
        kind: serde_json::from_str(text(4)?).map_err(|error| damaged().source(error))?,
    })
}

pub(super) fn keys(connection: &Connection, set: &str) -> Result<Vec<String>, Failure> {
    let mut select = connection.prepare_cached(r#"SELECT "key" FROM dynamic_keys WHERE "set" = ?1 ORDER BY place"#)?;
    let keys = select.query_map([set], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(keys)
}

pub(super) fn slice_status(connection: &Connection, asset: &AssetKey, after: u64) -> Result<Vec<SliceStatus>, Failure> {
    let mut found = Vec::new();
    each_slice_status(connection, asset, after, &mut |slice, status, cursor| {
        found.push(SliceStatus { slice: slice.parse()?, status, cursor });
        Ok(())
    })?;
    Ok(found)
}

pub(super) fn each_slice_status(
    connection: &Connection,
    asset: &AssetKey,
    after: u64,
    each: &mut EachSlice<'_>,
) -> Result<(), Failure> {
    // In the order of the index, so that nothing is sorted.
    let mut select = connection.prepare_cached(
        "SELECT slice, status, cursor FROM partition_status WHERE asset = ?1 AND cursor > ?2 ORDER BY cursor, status, slice",
    )?;
    let mut rows = select.query(params![asset.to_string(), count(after)])?;
    while let Some(row) = rows.next()? {
        let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        each(text(0)?, parse_status(text(1)?)?, integer(row.get(2)?)?)?;
    }
    Ok(())
}

pub(super) fn status_text(status: PartitionStatus) -> &'static str {
    match status {
        PartitionStatus::Materialized => "materialized",
        PartitionStatus::Failed => "failed",
        PartitionStatus::Wiped => "wiped",
    }
}

fn parse_status(text: &str) -> Result<PartitionStatus> {
    match text {
        "materialized" => Ok(PartitionStatus::Materialized),
        "failed" => Ok(PartitionStatus::Failed),
        "wiped" => Ok(PartitionStatus::Wiped),
        _ => Err(Error::new(ErrorKind::Corrupt, format!("`{text}` is no status of a slice"))),
    }
}

/// The number that a step was given before.
pub(super) fn issued(connection: &Connection, asset: &str, slice: &str, run: &str, step: i64) -> Result<Option<i64>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT number FROM issued WHERE asset = ?1 AND slice = ?2 AND run = ?3 AND step = ?4")?;
    Ok(select.query_row(params![asset, slice, run, step], |row| row.get(0)).optional()?)
}

/// A cursor or a count as `SQLite` has integers. What is too great is the greatest.
pub(super) fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A cursor or a count from the log.
pub(super) fn integer<T: TryFrom<i64>>(number: i64) -> Result<T> {
    T::try_from(number).map_err(|_| Error::new(ErrorKind::Corrupt, format!("{number} is no count")))
}

pub(super) fn time(text: &str) -> Result<Timestamp, jiff::Error> {
    text.parse()
}
