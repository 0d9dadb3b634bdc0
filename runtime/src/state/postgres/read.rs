//! What is read from the log.

use tokio_postgres::types::ToSql;

use super::failure::Failure;
use super::link::Link;
use super::rows::{counted, event, event_columns, parsed, run, run_columns, status, time, whole};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::key::AssetKey;
use crate::state::{BackfillRecord, EachSlice, LogLine, RunQuery, RunRecord, Snapshot};

pub(super) fn events(link: &mut Link, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
    let sql = concat!("SELECT ", event_columns!(), " FROM @.events WHERE cursor > $1 ORDER BY cursor LIMIT $2");
    all_events(link, sql, &[&whole(after), &whole(limit)])
}

pub(super) fn run_events(link: &mut Link, run: &str, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
    let sql = concat!("SELECT ", event_columns!(), " FROM @.events WHERE run = $1 AND cursor > $2 ORDER BY cursor LIMIT $3");
    all_events(link, sql, &[&run, &whole(after), &whole(limit)])
}

pub(super) fn history(link: &mut Link, asset: &AssetKey, before: u64, limit: usize) -> Result<Vec<Event>, Failure> {
    let sql = concat!(
        "SELECT ",
        event_columns!(),
        " FROM @.events WHERE told = $1 AND told IS NOT NULL AND cursor < $2 ORDER BY cursor DESC LIMIT $3"
    );
    all_events(link, sql, &[&asset.to_string(), &whole(before), &whole(limit)])
}

fn all_events(link: &mut Link, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Event>, Failure> {
    let mut events = Vec::new();
    link.stream(sql, values, |row| {
        events.push(event(row)?);
        Ok(())
    })?;
    Ok(events)
}

pub(super) fn first_of_run(link: &mut Link, run: &str) -> Result<Option<Event>, Failure> {
    let sql = concat!("SELECT ", event_columns!(), " FROM @.events WHERE run = $1 ORDER BY cursor LIMIT 1");
    link.query(sql, &[&run])?.first().map(event).transpose()
}

/// The events of a run that tell which of its steps are over, in order.
pub(super) fn endings(link: &mut Link, run: &str) -> Result<Vec<Event>, Failure> {
    // By what the JSON begins with: the events between are many, and long.
    let sql = concat!(
        "SELECT ",
        event_columns!(),
        " FROM @.events WHERE run = $1 AND kind LIKE ANY (ARRAY['{\"kind\":\"step\\_succeeded\"%', '{\"kind\":\"step\\_failed\"%', ",
        "'{\"kind\":\"step\\_skipped\"%', '{\"kind\":\"run\\_resumed\"%']) ORDER BY cursor"
    );
    all_events(link, sql, &[&run])
}

pub(super) fn one_run(link: &mut Link, name: &str) -> Result<Option<RunRecord>, Failure> {
    let sql = concat!("SELECT ", run_columns!(), " FROM @.runs WHERE run = $1");
    link.query(sql, &[&name])?.first().map(run).transpose()
}

pub(super) fn runs(link: &mut Link, query: &RunQuery) -> Result<Vec<RunRecord>, Failure> {
    // One statement for each question, so that each finds its index.
    let sql = match (query.open, query.backfill.is_some()) {
        (true, _) => concat!(
            "SELECT ",
            run_columns!(),
            " FROM @.runs WHERE first < $1 AND finished IS NULL AND ($3::text IS NULL OR backfill = $3) ORDER BY first DESC LIMIT $2"
        ),
        (false, true) => concat!(
            "SELECT ",
            run_columns!(),
            " FROM @.runs WHERE first < $1 AND backfill = $3 AND backfill IS NOT NULL ORDER BY first DESC LIMIT $2"
        ),
        (false, false) => {
            concat!("SELECT ", run_columns!(), " FROM @.runs WHERE first < $1 AND $3::text IS NULL ORDER BY first DESC LIMIT $2")
        }
    };
    let before = query.before.map_or(i64::MAX, whole);
    link.query(sql, &[&before, &whole(query.limit), &query.backfill])?.iter().map(run).collect()
}

pub(super) fn backfill(link: &mut Link, id: &str) -> Result<Option<BackfillRecord>, Failure> {
    let rows = link.query("SELECT id, at, json FROM @.backfills WHERE id = $1", &[&id])?;
    Ok(rows.first().map(one_backfill).transpose()?)
}

pub(super) fn backfills(link: &mut Link, limit: usize) -> Result<Vec<BackfillRecord>, Failure> {
    let rows = link.query("SELECT id, at, json FROM @.backfills ORDER BY at DESC, id DESC LIMIT $1", &[&whole(limit)])?;
    Ok(rows.iter().map(one_backfill).collect::<Result<_>>()?)
}

fn one_backfill(row: &tokio_postgres::Row) -> Result<BackfillRecord> {
    let id: String = row.get(0);
    let at = time(row.get(1), format!("backfill `{id}`"))?;
    Ok(BackfillRecord { id, at, json: row.get(2) })
}

pub(super) fn lines(link: &mut Link, run: &str, after: u64, limit: usize) -> Result<Vec<(u64, LogLine)>, Failure> {
    let sql = "SELECT place, line FROM @.lines WHERE run = $1 AND place > $2 ORDER BY place LIMIT $3";
    let mut lines = Vec::new();
    link.stream(sql, &[&run, &whole(after), &whole(limit)], |row| {
        let place: i64 = row.get(0);
        lines.push((counted(place)?, parsed(row.get(1), format!("line {place} of run `{run}`"))?));
        Ok(())
    })?;
    Ok(lines)
}

pub(super) fn snapshot(link: &mut Link, asset: &AssetKey) -> Result<Option<Snapshot>, Failure> {
    let rows = link.query("SELECT cursor, space, bytes FROM @.snapshots WHERE asset = $1", &[&asset.to_string()])?;
    let read = |row: &tokio_postgres::Row| Ok(Snapshot { cursor: counted(row.get(0))?, space: row.get(1), bytes: row.get(2) });
    rows.first().map(read).transpose()
}

pub(super) fn keys(link: &mut Link, set: &str) -> Result<Vec<String>, Failure> {
    let mut keys = Vec::new();
    link.stream("SELECT key FROM @.dynamic_keys WHERE set = $1 ORDER BY place", &[&set], |row| {
        keys.push(row.get(0));
        Ok(())
    })?;
    Ok(keys)
}

/// The rows of [`each_row`]: many in one, since most of an answer of a million rows is what is around each.
pub(super) fn slice_rows(link: &mut Link, asset: &AssetKey, after: u64) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    // No slice has the end of a line in it.
    link.stream(
        "SELECT string_agg(cursor || ' ' || status || ' ' || slice, E'\\n') FROM @.statuses \
         WHERE asset = $1 AND cursor > $2 GROUP BY cursor / 1024",
        &[&asset.to_string(), &whole(after)],
        |row| {
            found.push(row.get(0));
            Ok(())
        },
    )?;
    Ok(found)
}

/// Hands over what [`slice_rows`] has found, in the order of the events.
pub(super) fn each_row(found: &[String], each: &mut EachSlice<'_>) -> Result<()> {
    let mut rows = Vec::new();
    for row in found.iter().flat_map(|rows| rows.split('\n')) {
        let damaged = || Error::new(ErrorKind::Corrupt, format!("`{row}` says of no slice what became of it"));
        let (cursor, rest) = row.split_once(' ').ok_or_else(damaged)?;
        let (text, slice) = rest.split_once(' ').ok_or_else(damaged)?;
        rows.push((cursor.parse::<u64>().map_err(|error| damaged().source(error))?, status(text)?, slice));
    }
    rows.sort_by_key(|(cursor, ..)| *cursor);
    rows.into_iter().try_for_each(|(cursor, status, slice)| each(slice, status, cursor))
}
