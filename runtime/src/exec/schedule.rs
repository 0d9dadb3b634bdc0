//! Which step runs when: as soon as what it needs has succeeded and there is room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};

use crate::env::unique_id;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Durations, EventKind, Failure, Materialization, RunAbout, RunStatus, SkipReason};
use crate::exec::env::panic_message;
use crate::exec::plan::Plan;
use crate::exec::step::{StepLauncher, StepResult};
use crate::exec::workshop::Workshop;
use crate::io::RunInfo;
use crate::key::AssetKey;
use crate::slice::Slice;

/// Ends a run early: what has begun is finished, and nothing else begins.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    inner: Arc<Signal>,
}

#[derive(Debug, Default)]
struct Signal {
    raised: AtomicBool,
    notify: Notify,
}

impl Interrupt {
    /// Not raised yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the run. May be called from anywhere, any number of times.
    pub fn raise(&self) {
        self.inner.raised.store(true, Ordering::SeqCst);
        self.inner.notify.notify_waiters();
    }

    /// Whether the run is ending.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.inner.raised.load(Ordering::SeqCst)
    }

    async fn raised(&self) {
        let notified = self.inner.notify.notified();
        if !self.is_raised() {
            notified.await;
        }
    }
}

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
        self.steps.iter().flat_map(|step| &step.materializations)
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
    pub materializations: Vec<Materialization>,
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

/// Runs a plan. Errors of steps are part of the report; an error of this function is one of the plan or of the log. If the log
/// fails, nothing else begins, and what has begun is waited for.
pub(crate) async fn run(
    workshop: Arc<Workshop>,
    launcher: Arc<dyn StepLauncher>,
    plan: Plan,
    parallelism: usize,
    interrupt: Interrupt,
) -> Result<RunReport> {
    plan.check(&workshop.graph)?;
    let run = unique_id(workshop.env.as_ref());
    let start = workshop.env.elapsed();
    let started = EventKind::RunStarted {
        steps: plan.summary(),
        fingerprint: workshop.graph.fingerprint().to_owned(),
        plan_at: None,
        numbers: vec![],
        about: RunAbout::default(),
    };
    workshop.emit(&run, started)?;

    let mut schedule = Schedule::new(&plan);
    let mut running: JoinSet<(usize, Result<StepResult>)> = JoinSet::new();
    let mut tasks: BTreeMap<Id, usize> = BTreeMap::new();
    let mut log = Ok(());
    loop {
        while running.len() < parallelism && !interrupt.is_raised() && log.is_ok() {
            let Some(step) = schedule.ready.pop_first() else { break };
            log = workshop.emit(&run, EventKind::StepStarted { step, attempt: 1 });
            if log.is_err() {
                break;
            }
            let work = launcher.launch(plan.steps[step].clone(), RunInfo::new(run.clone(), 1));
            let task = running.spawn(async move { (step, work.await) });
            tasks.insert(task.id(), step);
        }
        let finished = tokio::select! {
            finished = running.join_next_with_id() => finished,
            () = interrupt.raised(), if !running.is_empty() && !interrupt.is_raised() => continue,
        };
        let (step, result) = match finished {
            None => break,
            Some(Ok((_, (step, result)))) => (step, result),
            Some(Err(error)) => (tasks.get(&error.id()).copied().unwrap_or_default(), Err(of_task(error))),
        };
        match result {
            Ok(result) => {
                let told = workshop.emit(&run, EventKind::StepSucceeded { step, durations: result.durations });
                log = log.and(told);
                schedule.succeeded(step, result);
            }
            Err(error) => {
                let failure = Failure::from(&blamed(error, &plan, step, &workshop));
                log = log.and(workshop.emit(&run, EventKind::StepFailed { step, failure: failure.clone() }));
                for (skipped, reason) in schedule.failed(step, failure, &plan) {
                    log = log.and(workshop.emit(&run, EventKind::StepSkipped { step: skipped, reason }));
                }
            }
        }
    }
    log?;
    for step in schedule.rest() {
        workshop.emit(&run, EventKind::StepSkipped { step, reason: SkipReason::Interrupted })?;
    }

    let status = schedule.status();
    let elapsed = SignedDuration::try_from(workshop.env.elapsed().saturating_sub(start)).unwrap_or_default();
    workshop.emit(&run, EventKind::RunFinished { status, elapsed })?;
    Ok(schedule.report(run, status, elapsed, plan))
}

/// The state of every step of a run.
struct Schedule {
    waiting_for: Vec<BTreeSet<usize>>,
    dependents: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
    outcomes: Vec<Option<StepOutcome>>,
    materializations: Vec<Vec<Materialization>>,
}

impl Schedule {
    fn new(plan: &Plan) -> Self {
        let waiting_for: Vec<BTreeSet<usize>> = plan.steps.iter().map(|step| step.after.iter().copied().collect()).collect();
        let mut dependents = vec![Vec::new(); plan.steps.len()];
        for step in &plan.steps {
            for before in &step.after {
                dependents[*before].push(step.number);
            }
        }
        let ready = (0..plan.steps.len()).filter(|step| waiting_for[*step].is_empty()).collect();
        let steps = plan.steps.len();
        Self { waiting_for, dependents, ready, outcomes: vec![None; steps], materializations: vec![Vec::new(); steps] }
    }

    fn succeeded(&mut self, step: usize, result: StepResult) {
        self.outcomes[step] = Some(StepOutcome::Succeeded(result.durations));
        self.materializations[step] = result.materializations;
        for dependent in &self.dependents[step] {
            self.waiting_for[*dependent].remove(&step);
            if self.waiting_for[*dependent].is_empty() && self.outcomes[*dependent].is_none() {
                self.ready.insert(*dependent);
            }
        }
    }

    /// Marks a step failed and everything that needs it skipped, and nothing else.
    fn failed(&mut self, step: usize, failure: Failure, plan: &Plan) -> Vec<(usize, SkipReason)> {
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
    fn rest(&mut self) -> Vec<usize> {
        let rest: Vec<usize> = (0..self.outcomes.len()).filter(|step| self.outcomes[*step].is_none()).collect();
        for step in &rest {
            self.outcomes[*step] = Some(StepOutcome::Skipped(SkipReason::Interrupted));
        }
        rest
    }

    fn report(self, run: String, status: RunStatus, elapsed: SignedDuration, plan: Plan) -> RunReport {
        let steps = plan.steps.into_iter().zip(self.outcomes).zip(self.materializations);
        let steps = steps.map(|((step, outcome), materializations)| StepReport {
            slices: step.assets.iter().map(|asset| asset.slice.clone()).collect(),
            assets: step.assets.into_iter().map(|asset| asset.key).collect(),
            outcome: outcome.unwrap_or(StepOutcome::Skipped(SkipReason::Interrupted)),
            materializations,
        });
        RunReport { run, status, steps: steps.collect(), elapsed }
    }

    fn status(&self) -> RunStatus {
        let any = |matches: fn(&StepOutcome) -> bool| self.outcomes.iter().flatten().any(matches);
        if any(|outcome| matches!(outcome, StepOutcome::Skipped(SkipReason::Interrupted))) {
            RunStatus::Interrupted
        } else if any(|outcome| matches!(outcome, StepOutcome::Failed(_))) {
            RunStatus::Failed
        } else {
            RunStatus::Succeeded
        }
    }
}

fn of_task(error: tokio::task::JoinError) -> Error {
    match error.try_into_panic() {
        Ok(payload) => Error::new(ErrorKind::Panic, format!("panicked: {}", panic_message(payload.as_ref()))),
        Err(_) => Error::new(ErrorKind::Interrupted, "the step was cancelled"),
    }
}

/// An error of a step names the asset, even one that nobody wrapped.
fn blamed(error: Error, plan: &Plan, step: usize, workshop: &Workshop) -> Error {
    let key = &plan.steps[step].assets[0].key;
    let error = error.with("asset", format!("`{key}`"));
    match workshop.graph.get(key) {
        Some(asset) => error.with("at", asset.source),
        None => error,
    }
}

/// How many steps run at once unless somebody says otherwise: as many as the machine has processors.
pub(crate) fn default_parallelism() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
