//! The runs: what the log sums up of each, and who carries it out.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, params};

use super::read::{self, count, integer, time};
use super::{Failure, write};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind, StepSummary};
use crate::state::projection::{Projection, first_event, no_run, over, refuse_overlap, refuse_running, steps_of, used_already};
use crate::state::{Beat, Holder, NewRun, Referee, RunQuery, RunRecord, RunState};

const COLUMNS: &str = "first, run, state, started, finished, holder, beat, cancel, steps, succeeded, failed, skipped, about";

pub(super) fn get(connection: &Connection, run: &str) -> Result<Option<RunRecord>, Failure> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE run = ?1"))?;
    let mut rows = select.query([run])?;
    rows.next()?.map(record).transpose()
}

pub(super) fn list(connection: &Connection, query: &RunQuery) -> Result<Vec<RunRecord>, Failure> {
    let mut sql = format!("SELECT {COLUMNS} FROM runs WHERE first < ?1");
    if query.open {
        sql.push_str(" AND finished IS NULL");
    }
    if query.backfill.is_some() {
        sql.push_str(" AND backfill = ?3");
    }
    sql.push_str(" ORDER BY first DESC LIMIT ?2");
    let (before, limit) = (count(query.before.unwrap_or(u64::MAX)), count(query.limit));
    let mut values: Vec<&dyn ToSql> = vec![&before, &limit];
    values.extend(query.backfill.as_ref().map(|backfill| backfill as &dyn ToSql));
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(&*values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(record(row)?);
    }
    Ok(found)
}

fn record(row: &Row<'_>) -> Result<RunRecord, Failure> {
    let run: String = row.get(1)?;
    let damaged = || Error::new(ErrorKind::Corrupt, format!("what is kept of run `{run}` cannot be read"));
    let state: String = row.get(2)?;
    let (_, recorded) = RunState::NAMES.into_iter().find(|(name, _)| *name == state).ok_or_else(damaged)?;
    let (finished, holder): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    let (started, beat, about): (String, String, String) = (row.get(3)?, row.get(6)?, row.get(12)?);
    let json = |error: serde_json::Error| damaged().source(error);
    Ok(RunRecord {
        first: integer(row.get(0)?)?,
        recorded,
        started: time(&started).map_err(|error| damaged().source(error))?,
        finished: finished.map(|at| time(&at)).transpose().map_err(|error| damaged().source(error))?,
        holder: holder.map(|holder| serde_json::from_str(&holder)).transpose().map_err(json)?,
        beat: time(&beat).map_err(|error| damaged().source(error))?,
        cancel: row.get(7)?,
        steps: integer(row.get(8)?)?,
        succeeded: integer(row.get(9)?)?,
        failed: integer(row.get(10)?)?,
        skipped: integer(row.get(11)?)?,
        about: serde_json::from_str(&about).map_err(json)?,
        run,
    })
}

/// Keeps a run as it is now.
pub(super) fn put(transaction: &Transaction<'_>, record: &RunRecord) -> Result<(), Failure> {
    let holder = record.holder.as_ref().map(write::json).transpose()?;
    transaction
        .prepare_cached(
            "INSERT INTO runs (first, run, state, started, finished, holder, beat, cancel, steps, succeeded, failed, skipped, \
                               about, backfill) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (first) DO UPDATE SET state = excluded.state, finished = excluded.finished, holder = excluded.holder, \
                 beat = excluded.beat, cancel = excluded.cancel, succeeded = excluded.succeeded, failed = excluded.failed, \
                 skipped = excluded.skipped",
        )?
        .execute(params![
            count(record.first),
            record.run,
            record.recorded.name(),
            record.started.to_string(),
            record.finished.map(|at| at.to_string()),
            holder,
            record.beat.to_string(),
            record.cancel,
            count(record.steps),
            count(record.succeeded),
            count(record.failed),
            count(record.skipped),
            write::json(&record.about)?,
            record.about.backfill,
        ])?;
    Ok(())
}

pub(super) fn begin(
    transaction: &Transaction<'_>,
    projection: &mut Projection,
    run: &NewRun<'_>,
    referee: &dyn Referee,
) -> Result<Event, Failure> {
    if get(transaction, run.run)?.is_some() || read::first_of_run(transaction, run.run)?.is_some() {
        return Err(used_already(run.run).into());
    }
    admit(transaction, run.run, &run.steps.iter().collect::<Vec<_>>(), referee)?;
    let numbers = write::numbers(transaction, &run.steps)?;
    start(transaction, projection, run.run, run.at, first_event(run, numbers), run.holder)
}

pub(super) fn reopen(
    transaction: &Transaction<'_>,
    projection: &mut Projection,
    run: &str,
    at: Timestamp,
    holder: &Holder,
    steps: &[usize],
    referee: &dyn Referee,
) -> Result<Event, Failure> {
    refuse_running(&get(transaction, run)?.ok_or_else(|| no_run(run))?, referee)?;
    let (_, all) = steps_of(run, read::first_of_run(transaction, run)?)?;
    admit(transaction, run, &steps.iter().filter_map(|step| all.get(*step)).collect::<Vec<_>>(), referee)?;
    // Whoever held the run before cannot give them back.
    transaction.prepare_cached("DELETE FROM slots WHERE run = ?1")?.execute([run])?;
    start(transaction, projection, run, at, EventKind::RunResumed { steps: steps.to_vec() }, holder)
}

/// Appends the event with which a run begins or goes on, under this holder.
fn start(
    transaction: &Transaction<'_>,
    projection: &mut Projection,
    run: &str,
    at: Timestamp,
    kind: EventKind,
    holder: &Holder,
) -> Result<Event, Failure> {
    let event = write::append(transaction, projection, run, vec![(at, kind)])?.into_iter().next();
    let mut record = get(transaction, run)?.ok_or_else(|| no_run(run))?;
    record.holder = Some(holder.clone());
    record.beat = at;
    put(transaction, &record)?;
    Ok(event.ok_or_else(|| write::internal("the log took an event and gave none back"))?)
}

/// Refuses steps of which another run that goes on makes a part. Reads the plans of such runs only.
fn admit(transaction: &Transaction<'_>, run: &str, wanted: &[&StepSummary], referee: &dyn Referee) -> Result<(), Failure> {
    let open = list(transaction, &RunQuery { open: true, ..RunQuery::newest(usize::MAX) })?;
    for other in open.iter().filter(|other| other.run != run && other.state(referee) == RunState::Running) {
        let (_, steps) = steps_of(&other.run, read::first_of_run(transaction, &other.run)?)?;
        refuse_overlap(wanted, other, &steps, referee, || Ok::<_, Failure>(over(&read::endings(transaction, &other.run)?)))?;
    }
    Ok(())
}

pub(super) fn beat(transaction: &Transaction<'_>, run: &str, holder: &Holder, at: Timestamp) -> Result<Beat, Failure> {
    let Some(mut record) = get(transaction, run)?.filter(|record| record.holder.as_ref() == Some(holder)) else {
        return Ok(Beat::Lost);
    };
    record.beat = at;
    put(transaction, &record)?;
    Ok(if record.cancel { Beat::Cancel } else { Beat::Go })
}

pub(super) fn cancel(transaction: &Transaction<'_>, run: &str) -> Result<bool, Failure> {
    let mut update = transaction.prepare_cached("UPDATE runs SET cancel = 1 WHERE run = ?1 AND finished IS NULL")?;
    Ok(update.execute([run])? > 0)
}

pub(super) fn take_slot(
    transaction: &Transaction<'_>,
    pool: &str,
    limit: usize,
    run: &str,
    step: usize,
    referee: &dyn Referee,
) -> Result<bool, Failure> {
    let mut holders = transaction.prepare_cached("SELECT DISTINCT run FROM slots WHERE pool = ?1")?;
    let holders: Vec<String> = holders.query_map([pool], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for holder in holders {
        if get(transaction, &holder)?.is_none_or(|record| record.state(referee) != RunState::Running) {
            transaction.prepare_cached("DELETE FROM slots WHERE pool = ?1 AND run = ?2")?.execute([pool, &holder])?;
        }
    }
    let mut own = transaction.prepare_cached("SELECT 1 FROM slots WHERE pool = ?1 AND run = ?2 AND step = ?3")?;
    if own.query_row(params![pool, run, count(step)], |_| Ok(())).optional()?.is_some() {
        return Ok(true);
    }
    let mut taken = transaction.prepare_cached("SELECT count(*) FROM slots WHERE pool = ?1")?;
    if taken.query_row([pool], |row| row.get::<_, i64>(0))? >= count(limit) {
        return Ok(false);
    }
    let mut take = transaction.prepare_cached("INSERT INTO slots (pool, run, step) VALUES (?1, ?2, ?3)")?;
    take.execute(params![pool, run, count(step)])?;
    Ok(true)
}

pub(super) fn free_slot(transaction: &Transaction<'_>, pool: &str, run: &str, step: usize) -> Result<(), Failure> {
    let mut free = transaction.prepare_cached("DELETE FROM slots WHERE pool = ?1 AND run = ?2 AND step = ?3")?;
    free.execute(params![pool, run, count(step)])?;
    Ok(())
}
