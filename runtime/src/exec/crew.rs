//! Who carries out the steps of a run. Whoever has done a step says so and begins the next one: a loop that only heard of ends, and said
//! what to begin, would be woken for every step, and wake another for it.
//!
//! The loop has to have its turn, though: woken by a thread that then computes for a minute, it would wait for that thread, since nobody else
//! takes over what was woken last. So whoever sees that there is something for it to do begins nothing, and ends.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use jiff::SignedDuration;
use tokio::task::JoinSet;
use tracing::{Instrument, Span};

use super::interrupt::{Interrupt, Level};
use super::journal::Journal;
use super::progress::Schedule;
use super::schedule::Begun;
use crate::asset::{AssetSpec, Mode};
use crate::cancel::{Cancel, Why};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, Failure};
use crate::exec::env::panic_message;
use crate::exec::plan::Plan;
use crate::exec::step::{Launch, StepLauncher, StepResult};
use crate::exec::workshop::{Store, Workshop};
use crate::io::RunInfo;

/// How many events the log may be behind before no other step begins.
const BEHIND: usize = 10_000;

/// After how many steps in a row, or how long, others on the same thread have a turn, if no step has waited for anything.
const TURN: (usize, Duration) = (16, Duration::from_millis(1));

/// Those who carry out the steps of a run, and what they share.
pub(super) struct Crew {
    pub(super) workshop: Arc<Workshop>,
    pub(super) journal: Arc<Journal>,
    pub(super) interrupt: Interrupt,
    pub(super) plan: Plan,
    launcher: Arc<dyn StepLauncher>,
    again: bool,
    /// How many steps run at once.
    size: usize,
    course: Mutex<Course>,
    /// Whether the loop waits for an event that it would write.
    listens: AtomicBool,
}

/// What has become of the run so far.
pub(super) struct Course {
    pub(super) schedule: Schedule,
    /// How urgent the end was when it was last looked at.
    pub(super) level: Level,
    attempts: BTreeMap<usize, u32>,
    /// How many of them were made before the run went on here: they are counted on, and take nobody's retries.
    attempts_before: BTreeMap<usize, u32>,
    cancels: BTreeMap<usize, Cancel>,
    /// Steps that failed and are to be tried again, after how long.
    retries: Vec<(usize, Duration)>,
    /// The first thing that went wrong with the log.
    pub(super) log: Result<()>,
    /// What somebody heard who could tell the log no more. The loop says why, maybe later.
    pub(super) untold: Option<Error>,
    /// The steps of which it is not known whether they were stored, and why.
    pub(super) doubts: BTreeMap<usize, Error>,
}

/// An attempt at a step, which the log is told of and nobody has made yet.
struct Attempt {
    step: usize,
    launch: Launch,
    cancel: Cancel,
    limit: Option<Duration>,
    span: Span,
}

impl Course {
    fn new(schedule: Schedule, attempts: BTreeMap<usize, u32>) -> Self {
        Self {
            schedule,
            level: Level::Go,
            attempts_before: attempts.clone(),
            attempts,
            cancels: BTreeMap::new(),
            retries: Vec::new(),
            log: Ok(()),
            untold: None,
            doubts: BTreeMap::new(),
        }
    }

    /// Whether anything else may begin.
    pub(super) fn goes_on(&self) -> bool {
        self.level == Level::Go && self.log.is_ok() && self.untold.is_none()
    }

    pub(super) fn note(&mut self, result: Result<()>) {
        if self.log.is_ok() {
            self.log = result;
        }
    }

    pub(super) fn look_at(&mut self, interrupt: &Interrupt) {
        let level = interrupt.level();
        if level == Level::Cancel && self.level < Level::Cancel {
            self.cancels.values().for_each(|cancel| cancel.raise(Why::Canceled));
        }
        self.level = level;
    }
}

impl Crew {
    pub(super) fn new(
        workshop: Arc<Workshop>,
        launcher: Arc<dyn StepLauncher>,
        journal: Arc<Journal>,
        begun: Begun,
        size: usize,
        interrupt: Interrupt,
    ) -> Self {
        let Begun { plan, done, attempts, again } = begun;
        let course = Mutex::new(Course::new(Schedule::new(&plan, done, &workshop), attempts));
        Self { workshop, journal, interrupt, plan, launcher, again, size, course, listens: AtomicBool::new(false) }
    }

    pub(super) fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has become of it, when nobody is at work any more.
    pub(super) fn into_course(self) -> (Course, Plan) {
        (self.course.into_inner().unwrap_or_else(PoisonError::into_inner), self.plan)
    }

    /// Says whether the loop waits for an event.
    pub(super) fn listens(&self, listens: bool) {
        self.listens.store(listens, Ordering::SeqCst);
    }

    /// The steps that have failed since, and are to be tried again after a while.
    pub(super) fn retries(&self) -> Vec<(usize, Duration)> {
        std::mem::take(&mut self.course().retries)
    }

    /// Begins what there is room for; whether a step waits for a slot that another process has, or for the memory that other runs take.
    pub(super) fn muster(self: &Arc<Self>, workers: &mut JoinSet<()>) -> bool {
        let mut waits = false;
        let mut full: BTreeSet<String> = BTreeSet::new();
        loop {
            let mut course = self.course();
            let Some(step) = self.take(&mut course, &full) else {
                waits |= course.schedule.ready.waits_for_others();
                break;
            };
            let asset = self.asset(step);
            if let Some(pool) = asset.as_ref().and_then(|asset| asset.pool.clone()) {
                // The log may let one wait, and those who are at work are not to wait for it.
                drop(course);
                let slots = self.workshop.policy.slots(&pool);
                let slot = self.workshop.state.take_slot(&pool, slots, self.journal.run(), step, self.workshop.as_ref());
                course = self.course();
                course.look_at(&self.interrupt);
                if !matches!(slot, Ok(true)) || !course.goes_on() {
                    course.schedule.ready.put_back(step);
                    match slot {
                        Ok(false) => {
                            full.insert(pool);
                            waits = true;
                            continue;
                        }
                        // In the meantime the run is to end.
                        Ok(true) => {
                            drop(course);
                            let freed = self.workshop.state.free_slot(&pool, self.journal.run(), step);
                            self.course().note(freed);
                        }
                        Err(error) => course.note(Err(error)),
                    }
                    break;
                }
            }
            let attempt = self.begin(&mut course, step, asset.as_deref());
            drop(course);
            workers.spawn(Arc::clone(self).work(attempt).in_current_span());
        }
        waits
    }

    /// Carries out a step, and then whatever is to be done next, until there is nothing or the loop has something to do.
    async fn work(self: Arc<Self>, mut attempt: Attempt) {
        let env = &self.workshop.env;
        let (mut steps, since) = (0, env.elapsed());
        loop {
            let step = attempt.step;
            let result = self.carry_out(attempt).await;
            steps += 1;
            let turn_over = steps >= TURN.0 || env.elapsed().saturating_sub(since) >= TURN.1;
            match self.after(step, result, turn_over) {
                Some(next) => attempt = next,
                None => return,
            }
        }
    }

    async fn carry_out(&self, attempt: Attempt) -> Result<StepResult> {
        let Attempt { launch, cancel, limit, span, .. } = attempt;
        // Begun on the thread that carries it out, which then has what it allocates for itself.
        let work = async { self.launcher.launch(launch).await }.instrument(span);
        // A panic ends the step, and not whoever carries it out.
        let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
        let done = match limit {
            None => work.await,
            Some(limit) => tokio::select! {
                done = &mut work => done,
                () = self.workshop.env.tick(limit) => {
                    cancel.raise(Why::Timeout);
                    work.await
                }
            },
        };
        done.unwrap_or_else(|payload| Err(panicked(payload.as_ref())))
    }

    /// A step has come to its end: what whoever carried it out does next.
    fn after(&self, step: usize, result: Result<StepResult>, turn_over: bool) -> Option<Attempt> {
        let asset = self.asset(step);
        let pool = asset.as_ref().and_then(|asset| asset.pool.as_deref());
        let freed = pool.map_or(Ok(()), |pool| self.workshop.state.free_slot(pool, self.journal.run(), step));
        let mut course = self.course();
        course.note(freed);
        course.look_at(&self.interrupt);
        self.ended(&mut course, step, result, asset.as_deref());
        let ready = &course.schedule.ready;
        let others_may_begin = ready.len() > 1 && ready.running() + 1 < self.size;
        let is_awaited = self.listens.load(Ordering::SeqCst) && !self.journal.is_empty();
        if turn_over || others_may_begin || is_awaited || !course.retries.is_empty() { None } else { self.next(&mut course) }
    }

    /// The most urgent step that there is room for, unless it has to wait for the log before it begins.
    fn next(&self, course: &mut Course) -> Option<Attempt> {
        let step = self.take(course, &BTreeSet::new())?;
        let asset = self.asset(step);
        if asset.as_ref().is_some_and(|asset| asset.pool.is_some()) {
            course.schedule.ready.put_back(step);
            return None;
        }
        Some(self.begin(course, step, asset.as_deref()))
    }

    fn take(&self, course: &mut Course, full: &BTreeSet<String>) -> Option<usize> {
        course.look_at(&self.interrupt);
        let has_room = course.schedule.ready.running() < self.size && self.journal.len() < BEHIND;
        if course.goes_on() && has_room { course.schedule.ready.take(&self.workshop.policy, full) } else { None }
    }

    fn asset(&self, step: usize) -> Option<Arc<AssetSpec>> {
        let key = &self.plan.steps[step].assets.first()?.key;
        self.workshop.graph.place(key).map(|place| Arc::clone(self.workshop.graph.asset(place)))
    }

    /// Whether a step adds to what is there: made by two runs, its rows would be there twice.
    fn adds(&self, step: usize) -> bool {
        let adds = |(asset, store): (&Arc<AssetSpec>, Option<Store<'_>>)| {
            store.is_some_and(|store| matches!(store.mode(asset), Mode::Append | Mode::Merge))
        };
        self.plan.steps[step].assets.iter().any(|target| self.workshop.asset(&target.key).is_ok_and(adds))
    }

    fn emit(&self, course: &mut Course, kind: EventKind) {
        if let Err(error) = self.journal.emit(&self.workshop, kind) {
            course.untold.get_or_insert(error);
        }
    }

    fn begin(&self, course: &mut Course, step: usize, asset: Option<&AssetSpec>) -> Attempt {
        let attempt = course.attempts.entry(step).and_modify(|attempts| *attempts += 1).or_insert(1);
        let attempt = *attempt;
        self.emit(course, EventKind::StepStarted { step, attempt });
        let cancel = Cancel::default();
        course.cancels.insert(step, cancel.clone());
        let launch = Launch {
            step: self.plan.steps[step].clone(),
            run: RunInfo::new(self.journal.run(), attempt),
            reconcile: self.again || attempt > 1,
            cancel: cancel.clone(),
        };
        let key = &self.plan.steps[step].assets[0].key;
        let span = tracing::info_span!("step", run = self.journal.run(), step, asset = %key);
        let limit = asset.and_then(|asset| self.workshop.policy.timeout(asset));
        Attempt { step, launch, cancel, limit, span }
    }

    fn ended(&self, course: &mut Course, step: usize, result: Result<StepResult>, asset: Option<&AssetSpec>) {
        course.cancels.remove(&step);
        let doubt = course.doubts.remove(&step);
        course.schedule.ready.ended(step);
        let error = match result {
            Ok(result) => {
                let kind = match &result.left_out {
                    Some(reason) => EventKind::StepSkipped { step, reason: reason.clone() },
                    None => EventKind::StepSucceeded { step, durations: result.durations },
                };
                self.emit(course, kind);
                return course.schedule.succeeded(step, result);
            }
            Err(error) => blamed(error, &self.plan, step, asset),
        };
        if error.is_unsettled() {
            course.doubts.insert(step, doubtful(&error, self.journal.run()));
        } else if let Some(doubt) = doubt.filter(|_| error.kind() != ErrorKind::Superseded && self.adds(step)) {
            // What an earlier attempt has sent may still come, whatever became of this one; unless a later commit has taken its place.
            course.doubts.insert(step, doubt);
        }
        if error.kind() == ErrorKind::Canceled {
            // It is left for when the run is resumed.
            return;
        }
        let attempt = course.attempts.get(&step).copied().unwrap_or(1);
        let here = attempt.saturating_sub(course.attempts_before.get(&step).copied().unwrap_or_default());
        let delay = asset.and_then(|asset| self.workshop.policy.delay(asset, here, &error, self.workshop.env.as_ref()));
        let failure = Failure::from(&error);
        if let Some(delay) = delay.filter(|_| course.goes_on()) {
            let waits = SignedDuration::try_from(delay).unwrap_or_default();
            self.emit(course, EventKind::StepRetrying { step, attempt, failure, delay: waits });
            course.retries.push((step, delay));
            return;
        }
        if course.doubts.contains_key(&step) {
            // Said to have failed, it would be made again by another run, which could not be told from what may be there.
            return;
        }
        self.emit(course, EventKind::StepFailed { step, failure: failure.clone() });
        for (skipped, reason) in course.schedule.failed(step, failure, &self.plan) {
            self.emit(course, EventKind::StepSkipped { step: skipped, reason });
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

fn panicked(payload: &(dyn Any + Send)) -> Error {
    Error::new(ErrorKind::Panic, format!("panicked: {}", panic_message(payload)))
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
