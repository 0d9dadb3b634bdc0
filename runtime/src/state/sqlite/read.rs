//! What is read from the log. Damage is an error, never an empty answer.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EVENT_VERSION, Event, EventKind};
use crate::key::AssetKey;
use crate::slice::Slice;
use crate::state::PartitionStatus;

pub(super) fn log_id(connection: &Connection) -> Result<String, Failure> {
    Ok(connection.prepare_cached("SELECT log_id FROM meta")?.query_row([], |row| row.get(0))?)
}

pub(super) fn events(connection: &Connection, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT cursor, v, run, at, kind FROM events WHERE cursor > ?1 ORDER BY cursor LIMIT ?2")?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = select.query(params![after, limit])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(event(row)?);
    }
    Ok(events)
}

fn event(row: &Row<'_>) -> Result<Event, Failure> {
    let (cursor, v): (i64, i64) = (row.get(0)?, row.get(1)?);
    if v > i64::from(EVENT_VERSION) {
        let message = format!("event {cursor} has version {v}, and this program knows {EVENT_VERSION}");
        return Err(Error::new(ErrorKind::Unsupported, message).help("use the program that wrote it, or a newer one").into());
    }
    let damaged = || Error::new(ErrorKind::Corrupt, format!("event {cursor} cannot be read"));
    let at: String = row.get(3)?;
    let kind: String = row.get(4)?;
    Ok(Event {
        v: u32::try_from(v).map_err(|error| damaged().source(error))?,
        cursor: u64::try_from(cursor).map_err(|error| damaged().source(error))?,
        run: row.get(2)?,
        at: at.parse().map_err(|error: jiff::Error| damaged().source(error))?,
        kind: serde_json::from_str(&kind).map_err(|error| damaged().source(error))?,
    })
}

/// The first event of a run.
pub(super) fn first_of_run(connection: &Connection, run: &str) -> Result<Option<EventKind>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT cursor, v, run, at, kind FROM events WHERE run = ?1 ORDER BY cursor LIMIT 1")?;
    let mut rows = select.query([run])?;
    Ok(rows.next()?.map(event).transpose()?.map(|event| event.kind))
}

pub(super) fn keys(connection: &Connection, set: &str) -> Result<Vec<String>, Failure> {
    let mut select = connection.prepare_cached(r#"SELECT "key" FROM dynamic_keys WHERE "set" = ?1 ORDER BY place"#)?;
    let keys = select.query_map([set], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(keys)
}

pub(super) fn partition_status(connection: &Connection, asset: &AssetKey) -> Result<Vec<(Slice, PartitionStatus)>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT slice, status FROM partition_status WHERE asset = ?1 ORDER BY cursor, slice")?;
    let mut rows = select.query([asset.to_string()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (slice, status): (String, String) = (row.get(0)?, row.get(1)?);
        found.push((slice.parse()?, parse_status(&status)?));
    }
    Ok(found)
}

pub(super) fn status_text(status: PartitionStatus) -> &'static str {
    match status {
        PartitionStatus::Materialized => "materialized",
        PartitionStatus::Failed => "failed",
    }
}

fn parse_status(text: &str) -> Result<PartitionStatus> {
    match text {
        "materialized" => Ok(PartitionStatus::Materialized),
        "failed" => Ok(PartitionStatus::Failed),
        _ => Err(Error::new(ErrorKind::Corrupt, format!("`{text}` is no status of a slice"))),
    }
}

/// The number that a step was given before.
pub(super) fn issued(connection: &Connection, asset: &str, slice: &str, run: &str, step: i64) -> Result<Option<i64>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT number FROM issued WHERE asset = ?1 AND slice = ?2 AND run = ?3 AND step = ?4")?;
    Ok(select.query_row(params![asset, slice, run, step], |row| row.get(0)).optional()?)
}
