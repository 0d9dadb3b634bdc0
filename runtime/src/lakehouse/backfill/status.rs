//! How far a backfill is, from the runs of it that the log has.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Backfill;
use crate::error::{Error, ErrorKind, Result};
use crate::key::AssetKey;
use crate::lakehouse::Lakehouse;
use crate::partition::{KeySet, PartitionKey};
use crate::slice::Slice;
use crate::state::{RunQuery, RunRecord, RunState};

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

/// How far a backfill is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BackfillStatus {
    /// The backfill.
    pub backfill: Backfill,
    /// What became of its runs, in the order of their numbers.
    pub runs: Vec<BackfillRun>,
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
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
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

    fn of(backfill: Backfill, known: &BTreeMap<usize, (RunRecord, RunState)>) -> Self {
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
                started: found.map(|(record, _)| record.started),
                finished: found.and_then(|(record, _)| record.finished),
            }
        };
        let runs = backfill.runs().map(one).collect();
        Self { backfill, runs }
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
        self.runs.iter().fold(BackfillCounts::default(), |counts, run| counts.add(run.outcome, run.partitions))
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
        } else if counts.failed > 0 {
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
        Ok(BackfillStatus::of(backfill, &known))
    }

    /// What the log has of the runs of a backfill, by their numbers.
    pub(super) fn runs_of(&self, backfill: &Backfill) -> Result<BTreeMap<usize, (RunRecord, RunState)>> {
        let query = RunQuery { backfill: Some(backfill.id.clone()), ..RunQuery::newest(usize::MAX) };
        let runs = self.runs(&query)?.into_iter();
        Ok(runs.filter_map(|(record, state)| Some((backfill.number_of(&record.run)?, (record, state)))).collect())
    }

    /// What became of each partition of an asset in a backfill, in the order of keys; nothing for an asset without partitions.
    ///
    /// # Errors
    /// If the asset is not part of the backfill, or its partitions are others by now.
    pub fn backfill_partitions(&self, status: &BackfillStatus, asset: &AssetKey) -> Result<Vec<(PartitionKey, BackfillOutcome)>> {
        let (mut found, mut is_part, mut outcomes) = (BTreeMap::new(), false, status.runs.iter());
        for group in &status.backfill.groups {
            let mut targets = self.targets(group)?;
            targets.retain(|(place, _)| self.graph().asset(*place).key == *asset);
            is_part |= !targets.is_empty();
            for (planned, run) in group.runs.iter().zip(outcomes.by_ref().take(group.runs.len())) {
                for (_, set) in self.made_by(&targets, planned)? {
                    found.extend(set.iter().flat_map(KeySet::keys).map(|key| (key, run.outcome)));
                }
            }
        }
        if is_part {
            return Ok(found.into_iter().collect());
        }
        let message = format!("`{asset}` is no part of the backfill `{}`", status.backfill.id);
        Err(Error::new(ErrorKind::Selection, message))
    }
}
