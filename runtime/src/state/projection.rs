//! What events say of slices and keys, apart from where it is kept: every log comes to the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::{NewRun, PartitionStatus, Referee, RunRecord, RunState};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind, RunStatus, StepSummary};
use crate::key::AssetKey;
use crate::partition::PartitionKey;
use crate::slice::Slice;

/// The steps of a run, as its first event has them.
type Steps = Arc<[StepSummary]>;

/// Turns events into what became of slices.
#[derive(Default)]
pub(super) struct Projection {
    /// The steps of the runs in which something has failed, so that ten thousand failures do not read the plan as often.
    steps: HashMap<String, Steps>,
}

impl Projection {
    /// What an event changes. `first` finds the first event of the run, and is only asked if the event names a step and no slice.
    pub(super) fn changes<E>(
        &mut self,
        run: &str,
        kind: &EventKind,
        first: impl FnOnce() -> Result<Option<EventKind>, E>,
    ) -> Result<Vec<(AssetKey, Slice, PartitionStatus)>, E> {
        match kind {
            EventKind::Materialized { materialization, .. } | EventKind::Reconciled { materialization, .. } => {
                let (asset, slice) = (materialization.asset.clone(), materialization.slice.clone());
                Ok(vec![(asset, slice, PartitionStatus::Materialized)])
            }
            EventKind::Reported { asset, slice, .. } => Ok(vec![(asset.clone(), slice.clone(), PartitionStatus::Materialized)]),
            EventKind::Wiped { asset, slice } => Ok(vec![(asset.clone(), slice.clone(), PartitionStatus::Wiped)]),
            // Who was refused because a later run has stored it says nothing of what that one has stored.
            EventKind::StepFailed { failure, .. } if failure.code == ErrorKind::Superseded.code() => Ok(Vec::new()),
            EventKind::StepFailed { step, .. } => {
                let steps = self.steps(run, first)?;
                let Some(step) = steps.get(*step) else { return Ok(Vec::new()) };
                let slices = step.assets.iter().zip(&step.slices);
                Ok(slices.map(|(asset, slice)| (asset.clone(), slice.clone(), PartitionStatus::Failed)).collect())
            }
            EventKind::RunFinished { .. } => {
                self.steps.remove(run);
                Ok(Vec::new())
            }
            EventKind::RunStarted { .. }
            | EventKind::StepStarted { .. }
            | EventKind::InputMissing { .. }
            | EventKind::InputHandedOver { .. }
            | EventKind::OutputSkipped { .. }
            | EventKind::RunResumed { .. }
            | EventKind::StepRetrying { .. }
            | EventKind::StepSucceeded { .. }
            | EventKind::StepSkipped { .. } => Ok(Vec::new()),
        }
    }

    fn steps<E>(&mut self, run: &str, first: impl FnOnce() -> Result<Option<EventKind>, E>) -> Result<Steps, E> {
        if let Some(known) = self.steps.get(run) {
            return Ok(Arc::clone(known));
        }
        // A run whose plan is not in the log has no slices that anybody could name.
        let Some(EventKind::RunStarted { steps, about, .. }) = first()? else { return Ok(Steps::default()) };
        // A step that was to store nothing says nothing of what is stored by failing.
        let steps = if about.action.is_none() { Steps::from(steps) } else { Steps::default() };
        self.steps.insert(run.to_owned(), Arc::clone(&steps));
        Ok(steps)
    }
}

/// The assets of which an event changes what is stored: it belongs to their history.
pub(crate) fn told_of(kind: &EventKind) -> Option<&AssetKey> {
    match kind {
        EventKind::Materialized { materialization, .. } | EventKind::Reconciled { materialization, .. } => {
            Some(&materialization.asset)
        }
        EventKind::Reported { asset, .. } | EventKind::Wiped { asset, .. } => Some(asset),
        _ => None,
    }
}

/// Whether an old event may be one that was kept of a run that was removed: it says what became of a slice.
pub(super) fn may_be_left(event: &Event, before: Timestamp) -> bool {
    let says = told_of(&event.kind).is_some() || matches!(event.kind, EventKind::StepFailed { .. });
    says && event.at < before
}

/// Brings a run up to date with an event of it.
pub(super) fn follow(record: &mut RunRecord, at: Timestamp, kind: &EventKind) {
    match kind {
        EventKind::RunResumed { steps } => {
            record.recorded = RunState::Running;
            record.finished = None;
            record.cancel = false;
            // Whoever only finds out how a run ended tries none of its steps again.
            if !steps.is_empty() {
                record.failed = 0;
                // Those that are done without having been carried out stay so.
                record.skipped = record.steps.saturating_sub(record.succeeded + steps.len() as u64);
            }
        }
        EventKind::StepSucceeded { .. } => record.succeeded += 1,
        EventKind::StepFailed { .. } => record.failed += 1,
        EventKind::StepSkipped { .. } => record.skipped += 1,
        EventKind::RunFinished { status, .. } => {
            record.recorded = (*status).into();
            record.finished = Some(at);
            // What was told to have failed may have been found in its store since.
            if *status == RunStatus::Succeeded {
                record.failed = 0;
            }
        }
        _ => {}
    }
}

/// The steps of a run that it does not make any more, from its events in order.
pub(super) fn over<'e>(events: impl IntoIterator<Item = &'e EventKind>) -> BTreeSet<usize> {
    let (mut done, mut given_up) = (BTreeSet::new(), BTreeSet::new());
    for kind in events {
        match kind {
            EventKind::StepSucceeded { step, .. } => drop(done.insert(*step)),
            EventKind::StepSkipped { step, reason } if reason.is_done() => drop(done.insert(*step)),
            EventKind::StepFailed { step, .. } | EventKind::StepSkipped { step, .. } => drop(given_up.insert(*step)),
            EventKind::RunResumed { .. } => given_up.clear(),
            _ => {}
        }
    }
    done.append(&mut given_up);
    done
}

/// The first event of a run, but for the numbers, which the log issues.
pub(super) fn first_event(run: &NewRun<'_>, numbers: Vec<Vec<i64>>) -> EventKind {
    EventKind::RunStarted {
        steps: run.steps.clone(),
        fingerprint: run.fingerprint.to_owned(),
        plan_at: Some(run.plan_at),
        numbers,
        about: run.about.clone(),
    }
}

/// Refuses what is to be made if another run that goes on makes a part of it. `over` tells which steps of the other are over, and is
/// only asked if it matters.
pub(super) fn refuse_overlap<E: From<Error>>(
    wanted: &[&StepSummary],
    other: &RunRecord,
    steps: &[StepSummary],
    referee: &dyn Referee,
    over: impl FnOnce() -> Result<BTreeSet<usize>, E>,
) -> Result<(), E> {
    let mut ours: BTreeMap<&AssetKey, Vec<&Slice>> = BTreeMap::new();
    for (asset, slice) in wanted.iter().flat_map(|step| step.assets.iter().zip(&step.slices)) {
        ours.entry(asset).or_default().push(slice);
    }
    let theirs = by_asset(steps, |_| true);
    ours.retain(|asset, ours| theirs.get(*asset).is_some_and(|theirs| referee.overlap(asset, ours, theirs)));
    if ours.is_empty() {
        return Ok(());
    }
    let over = over()?;
    let left = by_asset(steps, |step| !over.contains(&step));
    for (asset, ours) in &ours {
        if let Some(slice) = left.get(*asset).and_then(|left| met(asset, ours, left, referee)) {
            return Err(busy(other, asset, slice).into());
        }
    }
    Ok(())
}

/// What the steps that count make of each asset.
fn by_asset(steps: &[StepSummary], counts: impl Fn(usize) -> bool) -> HashMap<&AssetKey, Vec<&Slice>> {
    let mut by_asset: HashMap<&AssetKey, Vec<&Slice>> = HashMap::new();
    for (_, step) in steps.iter().enumerate().filter(|(number, _)| counts(*number)) {
        for (asset, slice) in step.assets.iter().zip(&step.slices) {
            by_asset.entry(asset).or_default().push(slice);
        }
    }
    by_asset
}

/// A slice of theirs that has a partition of ours, if there is one: found by halves.
fn met<'s>(asset: &AssetKey, ours: &[&Slice], theirs: &[&'s Slice], referee: &dyn Referee) -> Option<&'s Slice> {
    if !referee.overlap(asset, ours, theirs) {
        return None;
    }
    let mut left = theirs;
    while left.len() > 1 {
        let (first, rest) = left.split_at(left.len() / 2);
        left = if referee.overlap(asset, ours, first) { first } else { rest };
    }
    left.first().copied()
}

/// Says who makes something already.
fn busy(other: &RunRecord, asset: &AssetKey, slice: &Slice) -> Error {
    let part = match slice {
        Slice::Whole => String::new(),
        Slice::Keys(_) => format!(" {}", slice.to_string().trim_start_matches("v1:").chars().take(200).collect::<String>()),
    };
    let message = format!("`{asset}`{part} is being made by run `{}`", other.run);
    let holder = other.holder.as_ref().map(|holder| format!("{holder}, since {}", other.started)).unwrap_or_default();
    let help = format!(
        "wait until it has ended, or stop it with `runs cancel {}`; `runs show {}` says how far it is",
        other.run, other.run
    );
    Error::new(ErrorKind::Busy, message).with("carried out by", holder).help(help).retryable()
}

/// Refuses the identifier of a run that there is, or that was removed but for what says what is stored: its events would be taken for
/// those of the new one.
pub(super) fn used_already(run: &str) -> Error {
    let help = "take another one; of runs that are removed stays what says what is stored";
    Error::new(ErrorKind::Present, format!("there is a run `{run}` already")).help(help)
}

/// Refuses to take over a run that goes on.
pub(super) fn refuse_running(record: &RunRecord, referee: &dyn Referee) -> Result<()> {
    if record.state(referee) != RunState::Running {
        return Ok(());
    }
    let message = format!("the run `{}` still goes on", record.run);
    let holder = record.holder.as_ref().map(ToString::to_string).unwrap_or_default();
    let help = format!("`runs cancel {}` stops it", record.run);
    Err(Error::new(ErrorKind::Busy, message).with("carried out by", holder).help(help))
}

/// The steps of a run from its first event.
pub(super) fn steps_of(run: &str, first: Option<Event>) -> Result<(Event, Vec<StepSummary>)> {
    match first {
        Some(event) => match &event.kind {
            EventKind::RunStarted { steps, .. } => {
                let steps = steps.clone();
                Ok((event, steps))
            }
            _ => Err(no_run(run)),
        },
        None => Err(no_run(run)),
    }
}

pub(super) fn no_run(run: &str) -> Error {
    Error::new(ErrorKind::Missing, format!("there is no run `{run}` in the log")).help("`runs list` shows those there are")
}

/// Whether all of these can be keys of a dynamic set.
pub(super) fn check_keys(set: &str, keys: &[String]) -> Result<()> {
    for key in keys {
        PartitionKey::new(key).map_err(|error| error.with("dynamic set", format!("`{set}`")))?;
    }
    Ok(())
}
