//! What has to hold when every run has been resumed to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lakewright::event::{Event, EventKind, Materialization, RunStatus, SkipReason};
use lakewright::state::{Holder, Referee, RunQuery, RunState, State};
use lakewright::{AssetKey, CommitId, Lakehouse, Slice};

use crate::assets::{POOL, Shape, chain_is_whole, keys_of, made_for};
use crate::rows::Lines;
use crate::store::Done;

/// Takes everybody for alive.
struct Everybody;

impl Referee for Everybody {
    fn alive(&self, _: &Holder, _: lakewright::jiff::Timestamp) -> bool {
        true
    }

    fn overlap(&self, _: &AssetKey, _: &[&Slice], _: &[&Slice]) -> bool {
        true
    }
}

/// The first thing that does not hold.
pub(crate) async fn check(shape: &Shape, lakehouse: &Lakehouse, log: &Arc<dyn State>, done: &[Done]) -> Result<(), String> {
    let events = log.events(0, usize::MAX).unwrap();
    let stored = commits(&events, done)?;
    numbers(&events, done)?;
    for record in log.runs(&RunQuery::newest(usize::MAX)).unwrap() {
        let own: Vec<&Event> = events.iter().filter(|event| event.run == record.run).collect();
        well_formed(&own).map_err(|what| format!("run `{}`: {what}", record.run))?;
        if record.finished.is_none() {
            return Err(format!("run `{}` is left open", record.run));
        }
        let count = |of: fn(&EventKind) -> bool| own.iter().filter(|event| of(&event.kind)).count() as u64;
        let succeeded = count(|kind| matches!(kind, EventKind::StepSucceeded { .. }));
        let left = count(|kind| matches!(kind, EventKind::StepSkipped { reason: SkipReason::Superseded, .. }));
        if record.succeeded != succeeded || (record.recorded == RunState::Succeeded) != (succeeded + left == record.steps) {
            return Err(format!("the record of run `{}` is not what its events say: {record:?}", record.run));
        }
    }
    if !log.take_slot(POOL, 1, "nobody", 0, &Everybody).unwrap() {
        return Err("a slot of the pool is left".to_owned());
    }
    rows(shape, lakehouse, &stored, done).await
}

/// Every commit of the store is in the log, and every one of the log in the store.
fn commits(events: &[Event], done: &[Done]) -> Result<BTreeMap<String, Materialization>, String> {
    let mut told = BTreeMap::new();
    for event in events {
        if let EventKind::Materialized { materialization, .. } | EventKind::Reconciled { materialization, .. } = &event.kind {
            told.entry(materialization.commit.to_string()).or_insert_with(|| Materialization::clone(materialization));
        }
    }
    let made: BTreeSet<String> = done.iter().map(|done| done.id.to_string()).collect();
    if made.len() < done.len() {
        let mut seen = BTreeSet::new();
        let twice = done.iter().find(|done| !seen.insert(done.id.to_string())).unwrap();
        return Err(format!("the store made a commit twice: {twice:?}"));
    }
    if let Some(untold) = made.iter().find(|id| !told.contains_key(*id)) {
        return Err(format!("the store has a commit that the log does not: {untold}"));
    }
    match told.keys().find(|id| !made.contains(*id)) {
        Some(lost) => Err(format!("the log has a commit that the store does not: {lost}")),
        None => Ok(told),
    }
}

/// Numbers grow, in the log and in the store, and no two runs have the same.
fn numbers(events: &[Event], done: &[Done]) -> Result<(), String> {
    let mut last: BTreeMap<(String, String), i64> = BTreeMap::new();
    for event in events {
        let EventKind::RunStarted { steps, numbers, .. } = &event.kind else { continue };
        for (step, numbers) in steps.iter().zip(numbers) {
            for ((asset, slice), number) in step.assets.iter().zip(&step.slices).zip(numbers) {
                let before = last.insert((asset.to_string(), slice.digest()), *number).unwrap_or_default();
                if *number <= before {
                    return Err(format!("run `{}` has the number {number} of `{asset}` after {before}", event.run));
                }
            }
        }
    }
    let mut last: BTreeMap<String, (i64, &CommitId)> = BTreeMap::new();
    for Done { id, .. } in done {
        if let Some((before, _)) = last.insert(id.application(), (id.number, id)).filter(|(before, _)| *before >= id.number) {
            return Err(format!("{id} was made after {before}"));
        }
    }
    Ok(())
}

fn well_formed(events: &[&Event]) -> Result<(), String> {
    let mut open = false;
    let mut succeeded = BTreeSet::new();
    let mut attempts: BTreeMap<usize, u32> = BTreeMap::new();
    let mut at_work: BTreeSet<usize> = BTreeSet::new();
    for (place, event) in events.iter().enumerate() {
        let closed = |what: &str| if open { Ok(()) } else { Err(format!("{what} after its end, at {}", event.cursor)) };
        match &event.kind {
            EventKind::RunStarted { .. } => {
                if place > 0 {
                    return Err("it started twice".to_owned());
                }
                open = true;
            }
            EventKind::RunResumed { .. } => {
                if place == 0 {
                    return Err("it does not begin with its start".to_owned());
                }
                open = true;
                at_work.clear();
            }
            EventKind::RunFinished { status, .. } => {
                closed("it ended")?;
                let all = matches!(&events[0].kind, EventKind::RunStarted { steps, .. } if steps.len() == succeeded.len());
                if (*status == RunStatus::Succeeded) != all {
                    return Err(format!("it ended as {status:?} with {} steps done", succeeded.len()));
                }
                open = false;
            }
            EventKind::StepStarted { step, attempt } => {
                closed("a step began")?;
                if succeeded.contains(step) || !at_work.insert(*step) {
                    return Err(format!("step {step} began again"));
                }
                // After a power cut, what was tried and is not in the log is not known to anybody.
                if attempts.insert(*step, *attempt).is_some_and(|before| before >= *attempt) {
                    return Err(format!("attempt {attempt} at step {step} came again"));
                }
            }
            EventKind::StepRetrying { step, .. } | EventKind::StepFailed { step, .. } => {
                closed("a step failed")?;
                if !at_work.remove(step) {
                    return Err(format!("step {step} failed and was not at work"));
                }
            }
            EventKind::StepSucceeded { step, .. } => {
                closed("a step succeeded")?;
                at_work.remove(step);
                if !succeeded.insert(*step) {
                    return Err(format!("step {step} succeeded twice"));
                }
            }
            EventKind::StepSkipped { step, reason: SkipReason::Superseded } => {
                closed("a step was left to a later run")?;
                if !at_work.remove(step) || !succeeded.insert(*step) {
                    return Err(format!("step {step} was left to a later run and was not at work"));
                }
            }
            EventKind::Materialized { step, materialization } | EventKind::Reconciled { step, materialization } => {
                closed("something was stored")?;
                let EventKind::RunStarted { numbers, .. } = &events[0].kind else { return Err("it has no start".to_owned()) };
                if succeeded.contains(step) || numbers[*step] != [materialization.commit.number] {
                    return Err(format!("step {step} stored {}", materialization.commit));
                }
            }
            _ => closed("something happened")?,
        }
    }
    if open { Err("it does not end".to_owned()) } else { Ok(()) }
}

/// The rows are those of the commits: of each where rows are appended, of the last where they are replaced.
async fn rows(
    shape: &Shape,
    lakehouse: &Lakehouse,
    stored: &BTreeMap<String, Materialization>,
    done: &[Done],
) -> Result<(), String> {
    for asset in &shape.assets {
        let key: AssetKey = asset.key.parse().unwrap();
        let spec = lakehouse.graph().get(&key).unwrap();
        let mut expected: Vec<String> = Vec::new();
        let mut last: BTreeMap<String, String> = BTreeMap::new();
        for done in done.iter().filter(|done| done.id.asset == key) {
            for day in keys_of(spec, &stored[&done.id.to_string()].slice) {
                let line = format!("{key}/{day}/{}", done.run);
                if asset.appends() {
                    expected.push(line);
                } else {
                    last.insert(day, line);
                }
            }
        }
        expected.extend(last.into_values());
        expected.sort();
        let found = match lakehouse.load(&key).await.unwrap() {
            Some(_) => lakehouse.load_frame::<Lines>(&key).await.unwrap(),
            None => Lines::default(),
        };
        if let Some(line) = found.0.iter().find(|line| !chain_is_whole(asset, line)) {
            return Err(format!("`{line}` was made without all of the days before"));
        }
        let mut found: Vec<&str> = found.0.iter().map(|line| made_for(line)).collect();
        found.sort_unstable();
        if found != expected {
            return Err(format!("`{key}` has the rows {found:#?} and not {expected:#?}"));
        }
    }
    Ok(())
}
