//! What has become of every step of a run, and what may begin next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;

use super::interrupt::Level;
use super::plan::Plan;
use super::ready::Ready;
use super::report::{RunReport, StepOutcome, StepReport};
use super::step::StepResult;
use super::workshop::Workshop;
use crate::event::{Failure, Materialization, RunStatus, SkipReason};

/// The state of every step of a run.
pub(super) struct Schedule {
    waiting_for: Vec<BTreeSet<usize>>,
    dependents: Vec<Vec<usize>>,
    /// The steps that may begin.
    pub(super) ready: Ready,
    outcomes: Vec<Option<StepOutcome>>,
    materializations: Vec<Vec<Arc<Materialization>>>,
}

impl Schedule {
    pub(super) fn new(plan: &Plan, done: BTreeMap<usize, StepResult>, workshop: &Workshop) -> Self {
        let waiting_for: Vec<BTreeSet<usize>> = plan.steps.iter().map(|step| step.after.iter().copied().collect()).collect();
        let mut dependents = vec![Vec::new(); plan.steps.len()];
        for step in &plan.steps {
            for before in &step.after {
                dependents[*before].push(step.number);
            }
        }
        let steps = plan.steps.len();
        let ready = Ready::new(plan, &workshop.graph, &workshop.memory, workshop.policy.memory);
        let mut schedule =
            Self { waiting_for, dependents, ready, outcomes: vec![None; steps], materializations: vec![Vec::new(); steps] };
        for (step, result) in done {
            let outcome = StepOutcome::Succeeded(result.durations);
            schedule.outcomes[step] = Some(result.left_out.map_or(outcome, StepOutcome::Skipped));
            schedule.materializations[step] = result.materializations;
            for dependent in &schedule.dependents[step] {
                schedule.waiting_for[*dependent].remove(&step);
            }
        }
        for step in 0..steps {
            if schedule.waiting_for[step].is_empty() && schedule.outcomes[step].is_none() {
                schedule.ready.insert(step);
            }
        }
        schedule
    }

    pub(super) fn succeeded(&mut self, step: usize, result: StepResult) {
        let outcome = StepOutcome::Succeeded(result.durations);
        self.outcomes[step] = Some(result.left_out.map_or(outcome, StepOutcome::Skipped));
        self.materializations[step] = result.materializations;
        for dependent in &self.dependents[step] {
            self.waiting_for[*dependent].remove(&step);
            if self.waiting_for[*dependent].is_empty() && self.outcomes[*dependent].is_none() {
                self.ready.insert(*dependent);
            }
        }
    }

    /// Marks a step failed and everything that needs it skipped, and nothing else.
    pub(super) fn failed(&mut self, step: usize, failure: Failure, plan: &Plan) -> Vec<(usize, SkipReason)> {
        self.outcomes[step] = Some(StepOutcome::Failed(failure));
        let reason = SkipReason::UpstreamFailed { asset: plan.steps[step].assets[0].key.clone() };
        let mut skipped = BTreeSet::new();
        let mut next = self.dependents[step].clone();
        while let Some(step) = next.pop() {
            if self.outcomes[step].is_none() && skipped.insert(step) {
                self.outcomes[step] = Some(StepOutcome::Skipped(reason.clone()));
                next.extend(&self.dependents[step]);
            }
        }
        skipped.into_iter().map(|step| (step, reason.clone())).collect()
    }

    /// The steps that never began because the run was interrupted.
    pub(super) fn rest(&mut self) -> Vec<usize> {
        let rest: Vec<usize> = (0..self.outcomes.len()).filter(|step| self.outcomes[*step].is_none()).collect();
        for step in &rest {
            self.outcomes[*step] = Some(StepOutcome::Skipped(SkipReason::Interrupted));
        }
        rest
    }

    pub(super) fn report(self, run: String, status: RunStatus, elapsed: SignedDuration, plan: Plan) -> RunReport {
        let steps = plan.steps.into_iter().zip(self.outcomes).zip(self.materializations);
        let steps = steps.map(|((step, outcome), materializations)| StepReport {
            slices: step.assets.iter().map(|asset| asset.slice.clone()).collect(),
            assets: step.assets.into_iter().map(|asset| asset.key).collect(),
            outcome: outcome.unwrap_or(StepOutcome::Skipped(SkipReason::Interrupted)),
            materializations,
        });
        RunReport { run, status, steps: steps.collect(), elapsed }
    }

    pub(super) fn status(&self, level: Level) -> RunStatus {
        let any = |matches: fn(&StepOutcome) -> bool| self.outcomes.iter().flatten().any(matches);
        if any(|outcome| matches!(outcome, StepOutcome::Skipped(SkipReason::Interrupted))) {
            if level == Level::Cancel { RunStatus::Canceled } else { RunStatus::Interrupted }
        } else if any(|outcome| matches!(outcome, StepOutcome::Failed(_))) {
            RunStatus::Failed
        } else {
            RunStatus::Succeeded
        }
    }
}
