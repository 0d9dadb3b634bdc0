//! What a run did, step by step.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::event::{Durations, Failure, Materialization, RunStatus, SkipReason};
use crate::key::AssetKey;
use crate::slice::Slice;

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunReport {
    /// The identifier of the run.
    pub run: String,
    /// How it ended.
    pub status: RunStatus,
    /// What each step did, by number.
    pub steps: Vec<StepReport>,
    /// How long it took.
    pub elapsed: SignedDuration,
}

impl RunReport {
    /// Whether every step succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == RunStatus::Succeeded
    }

    /// The steps that failed, with why.
    pub fn failures(&self) -> impl Iterator<Item = (&StepReport, &Failure)> {
        self.steps.iter().filter_map(|step| match &step.outcome {
            StepOutcome::Failed(failure) => Some((step, failure)),
            _ => None,
        })
    }

    /// What was stored, in the order of the steps.
    pub fn materializations(&self) -> impl Iterator<Item = &Materialization> {
        self.steps.iter().flat_map(|step| &step.materializations).map(Arc::as_ref)
    }
}

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// The assets it produces.
    pub assets: Vec<AssetKey>,
    /// The part of each asset, in the same order.
    pub slices: Vec<Slice>,
    /// How it ended.
    pub outcome: StepOutcome,
    /// What it stored.
    pub materializations: Vec<Arc<Materialization>>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StepOutcome {
    /// It did all it had to.
    Succeeded(Durations),
    /// It failed; what it had not committed is not visible.
    Failed(Failure),
    /// It did not run.
    Skipped(SkipReason),
}
