//! Removes what is old.

use std::collections::HashSet;

use jiff::Timestamp;

use super::failure::Failure;
use super::link::Link;
use super::rows::{event as event_of, event_columns, moment, whole};
use crate::error::Result;
use crate::state::projection::may_be_left;
use crate::state::{BeforeFailure, Collected, needs_its_runs};

/// The runs that are old.
const OLD: &str = "SELECT run FROM @.runs WHERE finished < $1 AND (backfill IS NULL OR backfill = ANY ($2)) ORDER BY first";

/// As [`OLD`]. They have ended, so nobody else writes anything of them, unless one is opened again: their rows are locked.
const LOCKED: &str =
    "SELECT run FROM @.runs WHERE finished < $1 AND (backfill IS NULL OR backfill = ANY ($2)) ORDER BY first FOR UPDATE";

/// What is old.
struct Old {
    runs: Vec<String>,
    /// The events of these runs that stay.
    kept: Vec<i64>,
    /// The events that an earlier call kept of runs that it removed, and that do not stay any longer.
    left: Vec<i64>,
}

pub(super) fn collect(link: &mut Link, before: Timestamp) -> Result<Collected, Failure> {
    let Old { runs: old, kept, left } = find(link, before, LOCKED)?;
    let mut events = link.execute(
        "DELETE FROM @.events AS old WHERE run = ANY ($1) \
         AND NOT EXISTS (SELECT 1 FROM unnest($2::int8[]) AS kept (cursor) WHERE kept.cursor = old.cursor)",
        &[&old, &kept],
    )?;
    events += link.execute("DELETE FROM @.events WHERE cursor = ANY ($1)", &[&left])?;
    let lines = link.execute("DELETE FROM @.lines WHERE run = ANY ($1)", &[&old])?;
    link.execute("DELETE FROM @.slots WHERE run = ANY ($1)", &[&old])?;
    let runs = link.execute("DELETE FROM @.runs WHERE run = ANY ($1)", &[&old])?;
    // Nobody waits for an answer this long.
    link.execute("DELETE FROM @.writers WHERE at < now() - interval '7 days'", &[])?;
    Ok(Collected { runs, events, lines })
}

pub(super) fn would_collect(link: &mut Link, before: Timestamp) -> Result<Collected, Failure> {
    let Old { runs, kept, left } = find(link, before, OLD)?;
    let counted = link.query(
        "SELECT (SELECT count(*) FROM @.events AS old WHERE run = ANY ($1) \
                 AND NOT EXISTS (SELECT 1 FROM unnest($2::int8[]) AS kept (cursor) WHERE kept.cursor = old.cursor)), \
                (SELECT count(*) FROM @.lines WHERE run = ANY ($1))",
        &[&runs, &kept],
    )?;
    let count = |column: usize| counted.first().map_or(0, |row| row.get::<_, i64>(column)).unsigned_abs();
    Ok(Collected { runs: runs.len() as u64, events: count(0) + left.len() as u64, lines: count(1) })
}

/// `runs` is the statement that finds the runs: [`OLD`] or [`LOCKED`].
fn find(link: &mut Link, before: Timestamp, runs: &'static str) -> Result<Old, Failure> {
    let moment = moment(before);
    // Once for each backfill, since its record can be long. The runs of one that is done only now go the next time.
    let mut without_need: Vec<String> = Vec::new();
    link.stream(
        "SELECT named.backfill, known.json \
         FROM (SELECT DISTINCT backfill FROM @.runs WHERE finished < $1 AND backfill IS NOT NULL) AS named \
         LEFT JOIN @.backfills AS known ON known.id = named.backfill",
        &[&moment],
        |row| {
            let record: Option<&str> = row.get(1);
            if !record.is_some_and(needs_its_runs) {
                without_need.push(row.get(0));
            }
            Ok(())
        },
    )?;
    let old: Vec<String> = link.query(runs, &[&moment, &without_need])?.iter().map(|row| row.get(0)).collect();
    // Others write meanwhile. First the events that are pointed at, and then the slices that runs failed at: if a run fails in
    // between, what is stored is still among the first.
    let mut kept: Vec<i64> = Vec::new();
    link.stream(
        "SELECT cursor FROM @.events AS old WHERE run = ANY ($1) \
         AND EXISTS (SELECT 1 FROM @.statuses AS pointing WHERE pointing.cursor = old.cursor)",
        &[&old],
        |row| {
            kept.push(row.get(0));
            Ok(())
        },
    )?;
    let mut left = Vec::new();
    let sql = concat!(
        "SELECT ",
        event_columns!(),
        " FROM @.events AS old WHERE at < $1 AND NOT EXISTS (SELECT 1 FROM @.runs AS known WHERE known.run = old.run) \
         AND NOT EXISTS (SELECT 1 FROM @.statuses AS pointing WHERE pointing.cursor = old.cursor)"
    );
    link.stream(sql, &[&moment], |row| {
        let event = event_of(row)?;
        if may_be_left(&event, before) {
            left.push(event);
        }
        Ok(())
    })?;
    let mut stored = BeforeFailure::default();
    link.stream("SELECT asset, slice FROM @.statuses WHERE status = 'failed'", &[], |row| {
        let (asset, slice): (&str, &str) = (row.get(0), row.get(1));
        stored.failed(asset.parse()?, slice.parse()?);
        Ok(())
    })?;
    let sql = concat!(
        "SELECT ",
        event_columns!(),
        " FROM @.events WHERE run = ANY ($1) AND told IN (SELECT asset FROM @.statuses WHERE status = 'failed')"
    );
    link.stream(sql, &[&old], |row| {
        stored.look(&event_of(row)?);
        Ok(())
    })?;
    for event in &left {
        stored.look(event);
    }
    let stored: HashSet<u64> = stored.cursors().collect();
    left.retain(|event| !stored.contains(&event.cursor));
    kept.extend(stored.into_iter().map(whole));
    Ok(Old { runs: old, kept, left: left.iter().map(|event| whole(event.cursor)).collect() })
}
