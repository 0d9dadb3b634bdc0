//! What a run has done, read back from its events, so that it can go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::plan::Plan;
use super::step::StepResult;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind, Materialization};

/// A run as its events tell it.
pub(crate) struct Past {
    pub(crate) plan: Plan,
    /// The steps that are done, with what they stored.
    pub(crate) done: BTreeMap<usize, StepResult>,
    /// How many attempts there were at each step.
    pub(crate) attempts: BTreeMap<usize, u32>,
}

impl Past {
    pub(crate) fn of(run: &str, events: &[Event]) -> Result<Self> {
        let damaged = || {
            let message = format!("the log does not have the plan of run `{run}`");
            Error::new(ErrorKind::Missing, message)
                .help("it was begun by an older version, or is gone from the log; start a new run")
        };
        let mut stored: BTreeMap<usize, Vec<Arc<Materialization>>> = BTreeMap::new();
        let mut past: Option<Self> = None;
        for event in events {
            if let EventKind::RunStarted { steps, fingerprint, plan_at, numbers, about } = &event.kind {
                let at = plan_at.ok_or_else(damaged)?;
                let plan = Plan { changed: about.changed, ..Plan::of_run(steps, fingerprint, at, numbers) };
                past = Some(Self { plan, done: BTreeMap::new(), attempts: BTreeMap::new() });
                continue;
            }
            let past = past.as_mut().ok_or_else(damaged)?;
            match &event.kind {
                EventKind::StepStarted { step, attempt } => {
                    past.attempts.insert(*step, *attempt);
                    // Whoever tries again says anew what is stored.
                    stored.remove(step);
                }
                EventKind::Materialized { step, materialization } | EventKind::Reconciled { step, materialization } => {
                    stored.entry(*step).or_default().push(Arc::clone(materialization));
                }
                EventKind::StepSucceeded { step, durations } => {
                    let materializations = stored.remove(step).unwrap_or_default();
                    past.done.insert(*step, StepResult::done(*durations, materializations));
                }
                EventKind::StepSkipped { step, reason } if reason.is_done() => {
                    past.done.insert(*step, StepResult::left_out(reason.clone()));
                }
                _ => {}
            }
        }
        past.ok_or_else(damaged)
    }

    /// The steps that are not done: those that never came to an end, those that failed, and those that waited for them.
    pub(crate) fn open(&self) -> Vec<usize> {
        (0..self.plan.steps.len()).filter(|step| !self.done.contains_key(step)).collect()
    }
}
