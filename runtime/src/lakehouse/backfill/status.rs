//! How far a backfill is, from the runs of it that the log has.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Backfill;
use super::needs::Known;
use crate::error::{Error, ErrorKind, Result};
use crate::event::SkipReason;
use crate::key::AssetKey;
use crate::lakehouse::Lakehouse;
use crate::lakehouse::look::{StepDetail, StepState, steps_of};
use crate::partition::{KeySet, PartitionKey};
use crate::slice::Slice;
use crate::state::{RunQuery, RunState};

/// What became of a run of a backfill, and of each partition in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BackfillOutcome {
    /// It succeeded.
    Done,
    /// It failed.
    Failed,
    /// It goes on.
    Running,
    /// It has not begun.
    Waiting,
    /// It was interrupted or cancelled.
    Interrupted,
}

impl BackfillOutcome {
    /// Every outcome with its name.
    pub const NAMES: [(&'static str, BackfillOutcome); 5] = [
        ("done", BackfillOutcome::Done),
        ("failed", BackfillOutcome::Failed),
        ("running", BackfillOutcome::Running),
        ("waiting", BackfillOutcome::Waiting),
        ("interrupted", BackfillOutcome::Interrupted),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, outcome)| *outcome == self).map_or("waiting", |(name, _)| name)
    }
}

impl From<RunState> for BackfillOutcome {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Succeeded => Self::Done,
            RunState::Failed => Self::Failed,
            RunState::Running => Self::Running,
            RunState::Interrupted | RunState::Canceled => Self::Interrupted,
        }
    }
}

impl From<&StepDetail> for BackfillOutcome {
    fn from(step: &StepDetail) -> Self {
        match step.status {
            StepState::Succeeded => Self::Done,
            StepState::Skipped if step.reason.as_ref().is_some_and(SkipReason::is_done) => Self::Done,
            StepState::Failed => Self::Failed,
            StepState::Running | StepState::Retrying => Self::Running,
            StepState::Waiting | StepState::Skipped => Self::Waiting,
            StepState::Interrupted => Self::Interrupted,
        }
    }
}

/// How far a backfill is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BackfillStatus {
    /// The backfill.
    pub backfill: Backfill,
    /// What became of its runs, in the order of their numbers.
    pub runs: Vec<BackfillRun>,
    /// Whether a run failed, and there is one that has not begun although it needs nothing of that.
    ended_early: bool,
}

/// A run of a backfill, and what became of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BackfillRun {
    /// Its number, from 1.
    pub number: usize,
    /// Its identifier, also if it has not begun.
    pub run: String,
    /// The partitions that it is for; the whole slice means all that the backfill makes.
    pub slice: Slice,
    /// How many partitions it makes, of all its assets together.
    pub partitions: u64,
    /// What became of it.
    pub outcome: BackfillOutcome,
    /// How many of its partitions there are of each outcome: of a run that failed, some are made.
    pub counts: BackfillCounts,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// What its steps make, where that tells more than the outcome of the run.
    parts: Vec<RunPart>,
}

/// What a step of a run makes of an asset, and what became of it.
#[derive(Debug, Clone, PartialEq)]
struct RunPart {
    asset: AssetKey,
    slice: Slice,
    outcome: BackfillOutcome,
}

/// How many there are of each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackfillCounts {
    /// All of them.
    pub total: u64,
    /// Those that succeeded.
    pub done: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that go on.
    pub running: u64,
    /// Those that have not begun.
    pub waiting: u64,
    /// Those that were interrupted or cancelled.
    pub interrupted: u64,
}

impl BackfillCounts {
    /// All of one outcome.
    fn all(outcome: BackfillOutcome, count: u64) -> Self {
        Self::default().add(outcome, count)
    }

    fn and(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            done: self.done + other.done,
            failed: self.failed + other.failed,
            running: self.running + other.running,
            waiting: self.waiting + other.waiting,
            interrupted: self.interrupted + other.interrupted,
        }
    }

    fn add(mut self, outcome: BackfillOutcome, count: u64) -> Self {
        self.total += count;
        *match outcome {
            BackfillOutcome::Done => &mut self.done,
            BackfillOutcome::Failed => &mut self.failed,
            BackfillOutcome::Running => &mut self.running,
            BackfillOutcome::Waiting => &mut self.waiting,
            BackfillOutcome::Interrupted => &mut self.interrupted,
        } += count;
        self
    }
}

impl BackfillStatus {
    /// That of a backfill of which nothing has begun.
    #[must_use]
    pub fn new(backfill: Backfill) -> Self {
        Self::of(backfill, &BTreeMap::new())
    }

    fn of(backfill: Backfill, known: &Known) -> Self {
        let one = |(number, _, run): (usize, _, &super::PlannedRun)| {
            let found = known.get(&number);
            let outcome = match found {
                Some((_, state)) => (*state).into(),
                // What is done is done, also when the log has forgotten the run.
                None if backfill.done.is_some() => BackfillOutcome::Done,
                None => BackfillOutcome::Waiting,
            };
            BackfillRun {
                number,
                run: backfill.run_id(number),
                slice: run.slice.clone(),
                partitions: run.partitions,
                outcome,
                counts: BackfillCounts::all(outcome, run.partitions),
                started: found.map(|(record, _)| record.started),
                finished: found.and_then(|(record, _)| record.finished),
                parts: Vec::new(),
            }
        };
        let runs = backfill.runs().map(one).collect();
        Self { backfill, runs, ended_early: false }
    }

    /// Whether every run succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.runs.iter().all(|run| run.outcome == BackfillOutcome::Done)
    }

    /// How many runs there are of each outcome.
    #[must_use]
    pub fn counts(&self) -> BackfillCounts {
        self.runs.iter().fold(BackfillCounts::default(), |counts, run| counts.add(run.outcome, 1))
    }

    /// How many partitions there are of each outcome, of all assets together.
    #[must_use]
    pub fn partition_counts(&self) -> BackfillCounts {
        self.runs.iter().fold(BackfillCounts::default(), |counts, run| counts.and(run.counts))
    }

    /// What it comes to: one word for all of its runs.
    #[must_use]
    pub fn outcome(&self) -> BackfillOutcome {
        let counts = self.counts();
        if counts.running > 0 {
            BackfillOutcome::Running
        } else if counts.done == counts.total {
            BackfillOutcome::Done
        } else if self.backfill.canceled || counts.interrupted > 0 {
            BackfillOutcome::Interrupted
        } else if counts.failed > 0 && !self.ended_early {
            BackfillOutcome::Failed
        } else if counts.waiting == counts.total {
            BackfillOutcome::Waiting
        } else {
            // Whoever carried it out is gone, or is between two runs.
            BackfillOutcome::Interrupted
        }
    }
}

impl Lakehouse {
    pub(super) fn status_of(&self, backfill: Backfill) -> Result<BackfillStatus> {
        let known = self.runs_of(&backfill)?;
        let mut status = BackfillStatus::of(backfill, &known);
        for run in &mut status.runs {
            // Of a run that is done all is, and of one that has not begun nothing.
            if let Some((_, state)) = known.get(&run.number).filter(|(_, state)| *state != RunState::Succeeded) {
                self.look_into(run, *state)?;
            }
        }
        let counts = status.counts();
        if counts.failed > 0 && counts.waiting > 0 && status.backfill.fingerprint == self.graph().fingerprint() {
            // Where nobody can tell, it is what failed that is said.
            status.ended_early = self.could_go_on(&status.backfill, &known).unwrap_or(false);
        }
        Ok(status)
    }

    /// Finds out what became of the parts of a run.
    fn look_into(&self, run: &mut BackfillRun, state: RunState) -> Result<()> {
        let steps = steps_of(&self.run_events(&run.run, 0, usize::MAX)?, state);
        let mut counts = BackfillCounts::default();
        let mut parts = Vec::new();
        for step in &steps {
            let outcome = BackfillOutcome::from(step);
            for (asset, slice) in step.assets.iter().zip(&step.slices) {
                // Of partitions that are others by now nobody can tell how many they are.
                let Some(partitions) = self.partitions_in(asset, slice) else { return Ok(()) };
                counts = counts.add(outcome, partitions);
                parts.push(RunPart { asset: asset.clone(), slice: slice.clone(), outcome });
            }
        }
        let untold = run.partitions.saturating_sub(counts.total);
        (run.counts, run.parts) = (counts.add(run.outcome, untold), parts);
        Ok(())
    }

    /// How many partitions a slice of an asset has, if it is still one.
    fn partitions_in(&self, asset: &AssetKey, slice: &Slice) -> Option<u64> {
        match (&self.graph().get(asset)?.partitions, slice) {
            (None, Slice::Whole) => Some(1),
            (Some(def), slice) => def.resolve(slice).ok().map(|keys| keys.len()),
            (None, Slice::Keys(_)) => None,
        }
    }

    /// What the log has of the runs of a backfill, by their numbers.
    pub(super) fn runs_of(&self, backfill: &Backfill) -> Result<Known> {
        let query = RunQuery { backfill: Some(backfill.id.clone()), ..RunQuery::newest(usize::MAX) };
        let runs = self.runs(&query)?.into_iter();
        Ok(runs.filter_map(|(record, state)| Some((backfill.number_of(&record.run)?, (record, state)))).collect())
    }

    /// What became of each partition of an asset in a backfill, in the order of keys; nothing for an asset without partitions.
    ///
    /// # Errors
    /// If the asset is not part of the backfill, or it or its partitions are others by now ([`ErrorKind::Fingerprint`],
    /// [`ErrorKind::PartitionKey`]).
    pub fn backfill_partitions(&self, status: &BackfillStatus, asset: &AssetKey) -> Result<Vec<(PartitionKey, BackfillOutcome)>> {
        let (mut found, mut is_part, mut outcomes) = (BTreeMap::new(), false, status.runs.iter());
        for group in &status.backfill.groups {
            let runs: Vec<_> = group.runs.iter().zip(outcomes.by_ref().take(group.runs.len())).collect();
            let Some(target) = group.assets.iter().find(|target| target.key == *asset) else { continue };
            is_part = true;
            let target = [self.target_of(target)?];
            for (planned, run) in runs {
                for left in self.made_by(&target, planned)?.into_iter().filter_map(|(_, set)| set) {
                    self.tell_parts(asset, left, run, &mut found)?;
                }
            }
        }
        if is_part {
            return Ok(found.into_iter().collect());
        }
        let message = format!("`{asset}` is no part of the backfill `{}`", status.backfill.id);
        Err(Error::new(ErrorKind::Selection, message))
    }

    /// What became of these partitions of an asset, which a run makes: what its steps say, and else what became of the run.
    fn tell_parts(
        &self,
        asset: &AssetKey,
        mut left: KeySet,
        run: &BackfillRun,
        found: &mut BTreeMap<PartitionKey, BackfillOutcome>,
    ) -> Result<()> {
        let (asset, _) = self.workshop.asset(asset)?;
        for part in run.parts.iter().filter(|part| part.asset == asset.key) {
            let Some(def) = &asset.partitions else { continue };
            let own = left.intersection(&def.resolve(&part.slice)?);
            left = left.difference(&own);
            found.extend(own.keys().map(|key| (key, part.outcome)));
        }
        found.extend(left.keys().map(|key| (key, run.outcome)));
        Ok(())
    }
}
