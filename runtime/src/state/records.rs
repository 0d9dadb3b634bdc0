//! What the log keeps beside events, as plain data.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::env::Holder;
use crate::event::{RunAbout, RunStatus, StepSummary};
use crate::key::AssetKey;
use crate::slice::Slice;

/// What a run begins with.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// Its identifier.
    pub run: &'a str,
    /// When it begins.
    pub at: Timestamp,
    /// Who carries it out.
    pub holder: &'a Holder,
    /// What it makes.
    pub steps: Vec<StepSummary>,
    /// Identifies the definitions that the plan was made from.
    pub fingerprint: &'a str,
    /// The moment of the plan.
    pub plan_at: Timestamp,
    /// What it is for.
    pub about: RunAbout,
}

/// What the log has to ask those who know processes and partitions. It asks while it is locked: an answer must not call the log.
pub trait Referee {
    /// Whether a run goes on whose holder was last heard of at this moment.
    fn alive(&self, holder: &Holder, beat: Timestamp) -> bool;

    /// Whether any of some slices of an asset has a partition in common with any of others: asked of all at once, since runs have
    /// thousands of them, and each pair would be a question of its own. Of none it is false.
    fn overlap(&self, asset: &AssetKey, some: &[&Slice], others: &[&Slice]) -> bool;
}

/// What a run is to do, as it hears when it says that it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Beat {
    /// Go on.
    Go,
    /// Somebody wants it to stop.
    Cancel,
    /// It is not its own any more: another process took it over, or it is gone from the log.
    Lost,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunState {
    /// It goes on, or its process ended without a word: see [`RunRecord::state`].
    Running,
    /// Every step succeeded.
    Succeeded,
    /// At least one step failed.
    Failed,
    /// It was interrupted; what has begun was finished.
    Interrupted,
    /// Somebody cancelled it.
    Canceled,
}

impl RunState {
    /// Every state with its name.
    pub const NAMES: [(&'static str, RunState); 5] = [
        ("running", RunState::Running),
        ("succeeded", RunState::Succeeded),
        ("failed", RunState::Failed),
        ("interrupted", RunState::Interrupted),
        ("canceled", RunState::Canceled),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, state)| *state == self).map_or("running", |(name, _)| name)
    }
}

impl From<RunStatus> for RunState {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Succeeded => Self::Succeeded,
            RunStatus::Failed => Self::Failed,
            RunStatus::Interrupted => Self::Interrupted,
            RunStatus::Canceled => Self::Canceled,
        }
    }
}

/// A run, as the log sums it up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// Its identifier.
    pub run: String,
    /// The cursor of its first event.
    pub first: u64,
    /// How it ended, or that it has not said so; see [`RunRecord::state`].
    pub recorded: RunState,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Who carries it out, or did last; absent for a run whose first event was appended by itself.
    pub holder: Option<Holder>,
    /// When that one was last heard of.
    pub beat: Timestamp,
    /// Whether it was asked to stop.
    pub cancel: bool,
    /// How many steps it has.
    pub steps: u64,
    /// How many of them have succeeded, also in earlier attempts at the run.
    pub succeeded: u64,
    /// How many have failed since it was last begun or resumed.
    pub failed: u64,
    /// How many were skipped since then.
    pub skipped: u64,
    /// What it is for.
    pub about: RunAbout,
}

impl RunRecord {
    /// A run that has just begun, without a holder.
    #[must_use]
    pub fn new(run: impl Into<String>, first: u64, started: Timestamp, steps: u64, about: RunAbout) -> Self {
        Self {
            run: run.into(),
            first,
            recorded: RunState::Running,
            started,
            finished: None,
            holder: None,
            beat: started,
            cancel: false,
            steps,
            succeeded: 0,
            failed: 0,
            skipped: 0,
            about,
        }
    }

    /// How far it is: one that has not said how it ended, and whose process is gone, was interrupted.
    #[must_use]
    pub fn state(&self, referee: &dyn Referee) -> RunState {
        match (self.recorded, &self.holder) {
            (RunState::Running, Some(holder)) if referee.alive(holder, self.beat) => RunState::Running,
            (RunState::Running, _) => RunState::Interrupted,
            (ended, _) => ended,
        }
    }
}

/// Which runs are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunQuery {
    /// At most this many.
    pub limit: usize,
    /// Only those whose first event is before this cursor, for the next page.
    pub before: Option<u64>,
    /// Only those of this backfill.
    pub backfill: Option<String>,
    /// Only those that have not said how they ended.
    pub open: bool,
}

impl RunQuery {
    /// The newest of all.
    #[must_use]
    pub fn newest(limit: usize) -> Self {
        Self { limit, before: None, backfill: None, open: false }
    }
}

/// What became of a slice, and which event said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceStatus {
    /// The slice.
    pub slice: Slice,
    /// What became of it.
    pub status: super::PartitionStatus,
    /// The event.
    pub cursor: u64,
}

/// A backfill: many runs of one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillRecord {
    /// Its identifier.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// What it is to do and how far it is, as JSON with a version of its own.
    pub json: String,
}

/// A line that a step wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The step; absent if it is not known which.
    pub step: Option<usize>,
    /// When.
    pub at: Timestamp,
    /// How grave, as `tracing` has it: `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE`; or `OUT` and `ERR` for what was printed.
    pub level: String,
    /// What wrote it: the module, for instance.
    pub target: String,
    /// The text.
    pub text: String,
}

/// What became of each partition of an asset, up to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event that is in it.
    pub cursor: u64,
    /// Identifies the keys whose places the bytes name.
    pub space: String,
    /// The places.
    pub bytes: Vec<u8>,
}

/// What was removed from a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Runs.
    pub runs: u64,
    /// Events.
    pub events: u64,
    /// Lines of steps.
    pub lines: u64,
}
