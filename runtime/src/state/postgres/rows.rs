//! What stands in a row. Damage is an error, never an empty answer.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use super::failure::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EVENT_VERSION, Event, RunAbout};
use crate::state::{Holder, PartitionStatus, RunRecord, RunState};

/// A moment as text that sorts.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// Something as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::new(ErrorKind::Internal, "cannot be written as JSON").source(error))
}

/// What was written by [`json`].
pub(super) fn parsed<T: DeserializeOwned>(text: &str, what: impl fmt::Display) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(what).source(error))
}

fn unreadable(what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{what} cannot be read"))
}

/// A number as the server has it.
pub(super) fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A number as the server had it.
pub(super) fn counted(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|error| unreadable(format!("the number {number}")).source(error))
}

/// The columns of an event, in the order of [`event`].
macro_rules! event_columns {
    () => {
        "cursor, v, run, at, kind"
    };
}

/// The columns of a run, in the order of [`run`].
macro_rules! run_columns {
    () => {
        "run, first, recorded, started, finished, holder, beat, cancel, steps, succeeded, failed, skipped, about"
    };
}
pub(super) use {event_columns, run_columns};

pub(super) fn event(row: &Row) -> Result<Event, Failure> {
    let (cursor, v): (i64, i64) = (row.get(0), row.get(1));
    if v > i64::from(EVENT_VERSION) {
        let message = format!("event {cursor} has version {v}, and this program knows {EVENT_VERSION}");
        return Err(Error::new(ErrorKind::Unsupported, message).help("use the program that wrote it, or a newer one").into());
    }
    let what = || format!("event {cursor}");
    Ok(Event {
        v: u32::try_from(v).map_err(|error| unreadable(what()).source(error))?,
        cursor: counted(cursor)?,
        run: row.get(2),
        at: time(row.get(3), what())?,
        kind: parsed(row.get(4), what())?,
    })
}

pub(super) fn run(row: &Row) -> Result<RunRecord, Failure> {
    let run: String = row.get(0);
    let what = || format!("the record of run `{run}`");
    let recorded: &str = row.get(2);
    let known = RunState::NAMES.iter().find(|(name, _)| *name == recorded);
    let recorded = known.ok_or_else(|| unreadable(what()).source(format!("`{recorded}` is no state of a run")))?.1;
    let holder: Option<&str> = row.get(5);
    let holder: Option<Holder> = holder.map(|holder| parsed(holder, what())).transpose()?;
    let about: RunAbout = parsed(row.get(12), what())?;
    let finished: Option<&str> = row.get(4);
    let mut record = RunRecord::new(&run, counted(row.get(1))?, time(row.get(3), what())?, counted(row.get(8))?, about);
    record.recorded = recorded;
    record.finished = finished.map(|at| time(at, what())).transpose()?;
    record.holder = holder;
    record.beat = time(row.get(6), what())?;
    record.cancel = row.get(7);
    (record.succeeded, record.failed) = (counted(row.get(9))?, counted(row.get(10))?);
    record.skipped = counted(row.get(11))?;
    Ok(record)
}

pub(super) fn time(text: &str, what: impl fmt::Display) -> Result<Timestamp> {
    text.parse().map_err(|error: jiff::Error| unreadable(what).source(error))
}

pub(super) fn status_text(status: PartitionStatus) -> &'static str {
    match status {
        PartitionStatus::Materialized => "materialized",
        PartitionStatus::Failed => "failed",
        PartitionStatus::Wiped => "wiped",
    }
}

pub(super) fn status(text: &str) -> Result<PartitionStatus> {
    match text {
        "materialized" => Ok(PartitionStatus::Materialized),
        "failed" => Ok(PartitionStatus::Failed),
        "wiped" => Ok(PartitionStatus::Wiped),
        _ => Err(Error::new(ErrorKind::Unsupported, format!("`{text}` is no status of a slice that this program knows"))
            .help("use the program that wrote it, or a newer one")),
    }
}
