//! Which step runs when: as soon as what it needs has succeeded and there is room, the most urgent first.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::SignedDuration;
use tokio::task::{Id, JoinSet};
use tracing::Instrument;

use super::interrupt::{Interrupt, Level};
use super::journal::Journal;
use super::progress::Schedule;
use super::referee::BEAT;
use super::report::RunReport;
use crate::asset::AssetSpec;
use crate::cancel::{Cancel, Why};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, Failure, SkipReason};
use crate::exec::env::panic_message;
use crate::exec::plan::Plan;
use crate::exec::step::{Launch, StepLauncher, StepResult};
use crate::exec::workshop::Workshop;
use crate::io::RunInfo;
use crate::state::Beat;

/// How long an event waits for others before it is written.
const BATCH: Duration = Duration::from_millis(10);

/// How many events the log may be behind before no other step begins.
const BEHIND: usize = 10_000;

/// How long a step waits before it asks again for a slot that another process has.
const SLOT: Duration = Duration::from_millis(200);

/// A run that is in the log and is to be carried out.
pub(crate) struct Begun {
    /// What is to be done, with the number of every commit.
    pub(crate) plan: Plan,
    /// The steps that were done before, with what they stored.
    pub(crate) done: BTreeMap<usize, StepResult>,
    /// How many attempts there were at steps that are not done.
    pub(crate) attempts: BTreeMap<usize, u32>,
    /// Whether it is carried out again, so that a step may have committed what the log does not know of.
    pub(crate) again: bool,
}

/// Carries out a run. Errors of steps are part of the report; an error of this function is one of the log, or of a store that does not say
/// whether it has a commit: then the run has not ended. If the log fails, nothing else begins, and what has begun is waited for.
pub(crate) async fn run(
    workshop: Arc<Workshop>,
    launcher: Arc<dyn StepLauncher>,
    journal: Arc<Journal>,
    begun: Begun,
    parallelism: usize,
    interrupt: Interrupt,
) -> Result<RunReport> {
    let start = workshop.env.elapsed();
    let mut run = Run::new(workshop, launcher, journal, begun, interrupt);
    // On the threads that run the steps: to wake another for each end of a step costs more than a small step does.
    let mut carried = JoinSet::new();
    carried.spawn(
        async move {
            run.carry_out(parallelism).await;
            run
        }
        .in_current_span(),
    );
    let mut run = match carried.join_next().await {
        Some(Ok(run)) => run,
        Some(Err(error)) => match error.try_into_panic() {
            Ok(payload) => std::panic::resume_unwind(payload),
            Err(_) => return Err(Error::new(ErrorKind::Interrupted, "the runtime was shut down")),
        },
        None => return Err(Error::new(ErrorKind::Internal, "a run came to no end")),
    };
    if let Some(error) = run.log.err().or(run.doubts.into_values().next()) {
        // It has not ended: whoever begins the next run, or goes on with this one, asks the stores what became of it.
        run.journal.release(&run.workshop);
        return Err(error);
    }
    for step in run.schedule.rest() {
        run.journal.emit(&run.workshop, EventKind::StepSkipped { step, reason: SkipReason::Interrupted })?;
    }
    let status = run.schedule.status(run.interrupt.level());
    let elapsed = SignedDuration::try_from(run.workshop.env.elapsed().saturating_sub(start)).unwrap_or_default();
    run.journal.emit(&run.workshop, EventKind::RunFinished { status, elapsed })?;
    run.journal.flush(&run.workshop)?;
    Ok(run.schedule.report(run.journal.run().to_owned(), status, elapsed, run.plan))
}

/// A run while it is carried out.
struct Run {
    workshop: Arc<Workshop>,
    launcher: Arc<dyn StepLauncher>,
    journal: Arc<Journal>,
    plan: Plan,
    schedule: Schedule,
    interrupt: Interrupt,
    /// How urgent the end was when it was last looked at.
    level: Level,
    again: bool,
    attempts: BTreeMap<usize, u32>,
    running: JoinSet<(usize, Result<StepResult>)>,
    tasks: BTreeMap<Id, usize>,
    cancels: BTreeMap<usize, Cancel>,
    /// Steps that failed and will be tried again.
    delayed: FuturesUnordered<BoxFuture<'static, usize>>,
    /// The first thing that went wrong with the log.
    log: Result<()>,
    /// The steps of which it is not known whether they were stored, and why.
    doubts: BTreeMap<usize, Error>,
    /// What is being written to the log, beside which steps go on.
    writing: Option<BoxFuture<'static, Result<()>>>,
    /// When the log was last written to.
    written: Duration,
}

impl Run {
    fn new(
        workshop: Arc<Workshop>,
        launcher: Arc<dyn StepLauncher>,
        journal: Arc<Journal>,
        begun: Begun,
        interrupt: Interrupt,
    ) -> Self {
        let Begun { plan, done, attempts, again } = begun;
        let schedule = Schedule::new(&plan, done, &workshop);
        Self {
            workshop,
            launcher,
            journal,
            plan,
            schedule,
            interrupt,
            level: Level::Go,
            again,
            attempts,
            running: JoinSet::new(),
            tasks: BTreeMap::new(),
            cancels: BTreeMap::new(),
            delayed: FuturesUnordered::new(),
            log: Ok(()),
            doubts: BTreeMap::new(),
            writing: None,
            written: Duration::ZERO,
        }
    }

    async fn carry_out(&mut self, parallelism: usize) {
        let env = Arc::clone(&self.workshop.env);
        let journal = Arc::clone(&self.journal);
        let interrupt = self.interrupt.clone();
        let mut beat = env.tick(BEAT);
        let mut slot: Option<BoxFuture<'static, ()>> = None;
        let mut batch: Option<BoxFuture<'static, ()>> = None;
        loop {
            self.look_at_interrupt();
            let waits_for_slot = self.launch(parallelism);
            if waits_for_slot && slot.is_none() {
                slot = Some(env.tick(SLOT));
            }
            if self.writing.is_none() && !self.journal.is_empty() {
                if env.elapsed().saturating_sub(self.written) >= BATCH || self.running.is_empty() {
                    self.writing = Some(Arc::clone(&self.journal).write(&self.workshop));
                    batch = None;
                } else if batch.is_none() {
                    batch = Some(env.tick(BATCH));
                }
            }
            let more = self.goes_on() && (!self.delayed.is_empty() || waits_for_slot);
            if self.running.is_empty() && self.writing.is_none() && !more {
                break;
            }
            tokio::select! {
                biased;
                Some(finished) = self.running.join_next_with_id(), if !self.running.is_empty() => {
                    self.finished(finished);
                    // Whatever else has ended in the meantime is written with it.
                    while let Some(finished) = self.running.try_join_next_with_id() {
                        self.finished(finished);
                    }
                }
                Some(step) = self.delayed.next(), if !self.delayed.is_empty() && self.goes_on() => self.schedule.ready.insert(step),
                () = interrupt.above(self.level) => {}
                () = &mut beat => {
                    self.beat();
                    beat = env.tick(BEAT);
                }
                written = due(&mut self.writing) => {
                    self.writing = None;
                    self.written = env.elapsed();
                    self.note(written);
                }
                () = due(&mut slot) => slot = None,
                () = due(&mut batch) => batch = None,
                () = journal.filled(), if batch.is_none() && self.writing.is_none() => {}
            }
        }
    }

    /// Whether anything else may begin.
    fn goes_on(&self) -> bool {
        self.level == Level::Go && self.log.is_ok()
    }

    fn look_at_interrupt(&mut self) {
        let level = self.interrupt.level();
        if level == Level::Cancel && self.level < Level::Cancel {
            self.cancels.values().for_each(|cancel| cancel.raise(Why::Canceled));
        }
        self.level = level;
    }

    fn note(&mut self, result: Result<()>) {
        if self.log.is_ok() {
            self.log = result;
        }
    }

    fn emit(&mut self, kind: EventKind) {
        let told = self.journal.emit(&self.workshop, kind);
        self.note(told);
    }

    /// Says that the run goes on, and hears whether it is to end.
    fn beat(&mut self) {
        match self.journal.beat(&self.workshop) {
            Ok(Beat::Go) => {}
            Ok(Beat::Cancel | Beat::Lost) => self.interrupt.cancel(),
            Err(error) if error.kind() == ErrorKind::Conflict => {
                self.interrupt.cancel();
                self.note(Err(error));
            }
            Err(error) => {
                // Another try is due soon, and what it would have said is not lost.
                tracing::warn!(run = self.journal.run(), %error, "cannot tell the log that the run goes on");
            }
        }
    }

    /// Begins what there is room for; whether a step waits for a slot that another process has.
    fn launch(&mut self, parallelism: usize) -> bool {
        let mut waits = false;
        let mut full: BTreeSet<String> = BTreeSet::new();
        while self.running.len() < parallelism && self.goes_on() && self.journal.len() < BEHIND {
            let Some(step) = self.schedule.ready.take(&self.workshop.policy, &full) else { break };
            let asset = self.asset(step);
            if let Some(pool) = asset.as_ref().and_then(|asset| asset.pool.clone()) {
                let slots = self.workshop.policy.slots(&pool);
                match self.workshop.state.take_slot(&pool, slots, self.journal.run(), step, self.workshop.as_ref()) {
                    Ok(true) => {}
                    Ok(false) => {
                        self.schedule.ready.put_back(step);
                        full.insert(pool);
                        waits = true;
                        continue;
                    }
                    Err(error) => {
                        self.schedule.ready.put_back(step);
                        self.note(Err(error));
                        break;
                    }
                }
            }
            self.begin(step, asset.as_deref());
        }
        waits
    }

    fn asset(&self, step: usize) -> Option<Arc<AssetSpec>> {
        let key = &self.plan.steps[step].assets.first()?.key;
        self.workshop.graph.place(key).map(|place| Arc::clone(self.workshop.graph.asset(place)))
    }

    fn begin(&mut self, step: usize, asset: Option<&AssetSpec>) {
        let attempt = self.attempts.entry(step).and_modify(|attempts| *attempts += 1).or_insert(1);
        let attempt = *attempt;
        self.emit(EventKind::StepStarted { step, attempt });
        let cancel = Cancel::default();
        let launch = Launch {
            step: self.plan.steps[step].clone(),
            run: RunInfo::new(self.journal.run(), attempt),
            reconcile: self.again || attempt > 1,
            cancel: cancel.clone(),
        };
        let key = &self.plan.steps[step].assets[0].key;
        let span = tracing::info_span!("step", run = self.journal.run(), step, asset = %key);
        let launcher = Arc::clone(&self.launcher);
        let limit = asset.and_then(|asset| self.workshop.policy.timeout(asset));
        let env = Arc::clone(&self.workshop.env);
        self.cancels.insert(step, cancel.clone());
        let task = self.running.spawn(async move {
            // Begun on the thread that carries it out, which then has what it allocates for itself.
            let work = launcher.launch(launch).instrument(span);
            let Some(limit) = limit else { return (step, work.await) };
            let mut work = pin!(work);
            tokio::select! {
                done = &mut work => (step, done),
                () = env.tick(limit) => {
                    cancel.raise(Why::Timeout);
                    (step, work.await)
                }
            }
        });
        self.tasks.insert(task.id(), step);
    }

    fn finished(&mut self, finished: Result<(Id, (usize, Result<StepResult>)), tokio::task::JoinError>) {
        let (id, step, result) = match finished {
            Ok((id, (step, result))) => (id, step, result),
            Err(error) => (error.id(), self.tasks.get(&error.id()).copied().unwrap_or_default(), Err(of_task(error))),
        };
        self.tasks.remove(&id);
        self.cancels.remove(&step);
        self.doubts.remove(&step);
        let asset = self.asset(step);
        self.schedule.ready.ended(step);
        if let Some(pool) = asset.as_ref().and_then(|asset| asset.pool.as_deref()) {
            let freed = self.workshop.state.free_slot(pool, self.journal.run(), step);
            self.note(freed);
        }
        let error = match result {
            Ok(result) if result.unchanged => {
                self.emit(EventKind::StepSkipped { step, reason: SkipReason::Unchanged });
                return self.schedule.succeeded(step, result);
            }
            Ok(result) => {
                self.emit(EventKind::StepSucceeded { step, durations: result.durations });
                return self.schedule.succeeded(step, result);
            }
            Err(error) => blamed(error, &self.plan, step, asset.as_deref()),
        };
        if error.kind() == ErrorKind::Canceled {
            // It is left for when the run is resumed.
            return;
        }
        if error.is_unsettled() {
            self.doubts.insert(step, doubtful(&error, self.journal.run()));
        }
        let attempt = self.attempts.get(&step).copied().unwrap_or(1);
        let delay =
            asset.as_ref().and_then(|asset| self.workshop.policy.delay(asset, attempt, &error, self.workshop.env.as_ref()));
        let failure = Failure::from(&error);
        if let Some(delay) = delay.filter(|_| self.goes_on()) {
            let waits = SignedDuration::try_from(delay).unwrap_or_default();
            self.emit(EventKind::StepRetrying { step, attempt, failure, delay: waits });
            let pause = self.workshop.env.sleep(delay);
            self.delayed.push(Box::pin(async move {
                pause.await;
                step
            }));
            return;
        }
        if self.doubts.contains_key(&step) {
            // Said to have failed, it would be made again by another run, which could not be told from what may be there.
            return;
        }
        self.emit(EventKind::StepFailed { step, failure: failure.clone() });
        for (skipped, reason) in self.schedule.failed(step, failure, &self.plan) {
            self.emit(EventKind::StepSkipped { step: skipped, reason });
        }
    }
}

/// What to say of a step whose store did not answer.
fn doubtful(error: &Error, run: &str) -> Error {
    let mut doubt = Error::new(error.kind(), format!("it is not known whether a commit was made: {}", error.message()));
    for (name, value) in error.context() {
        doubt = doubt.with(name, value);
    }
    doubt.help(format!("`runs resume {run}` asks the store again, as does the next run")).unsettled().retryable()
}

/// Waits for what was set, and for ever if nothing was.
async fn due<T>(set: &mut Option<BoxFuture<'static, T>>) -> T {
    match set {
        Some(set) => set.await,
        None => std::future::pending().await,
    }
}

fn of_task(error: tokio::task::JoinError) -> Error {
    match error.try_into_panic() {
        Ok(payload) => Error::new(ErrorKind::Panic, format!("panicked: {}", panic_message(payload.as_ref()))),
        Err(_) => Error::new(ErrorKind::Interrupted, "the step was cancelled"),
    }
}

/// An error of a step names the asset, even one that nobody wrapped.
fn blamed(error: Error, plan: &Plan, step: usize, asset: Option<&AssetSpec>) -> Error {
    let key = &plan.steps[step].assets[0].key;
    let error = error.with("asset", format!("`{key}`"));
    match asset {
        Some(asset) => error.with("at", asset.source),
        None => error,
    }
}

/// How many steps run at once unless somebody says otherwise: as many as the machine has processors.
pub(crate) fn default_parallelism() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
