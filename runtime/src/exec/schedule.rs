//! Which step runs when: as soon as what it needs has succeeded and there is room, the most urgent first.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::SignedDuration;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument;

use super::crew::{Course, Crew};
use super::interrupt::Interrupt;
use super::journal::Journal;
use super::referee::BEAT;
use super::report::RunReport;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, SkipReason};
use crate::exec::plan::Plan;
use crate::exec::step::{StepLauncher, StepResult};
use crate::exec::workshop::Workshop;
use crate::state::Beat;

/// How long an event waits for others before it is written.
const BATCH: Duration = Duration::from_millis(10);

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
    let crew = Crew::new(Arc::clone(&workshop), launcher, Arc::clone(&journal), begun, parallelism, interrupt.clone());
    let crew = Arc::new(crew);
    // On the threads that run the steps, where what has ended is heard of without waking another.
    let mut carried = JoinSet::new();
    carried.spawn(carry_out(Arc::clone(&crew)).in_current_span());
    if let Some(ended) = carried.join_next().await {
        let shut_down = ended.is_err();
        heard(ended);
        if shut_down {
            return Err(Error::new(ErrorKind::Interrupted, "the runtime was shut down"));
        }
    }
    let at_work = || Error::new(ErrorKind::Internal, "a run came to its end while its steps were carried out");
    let (Course { mut schedule, log, untold, doubts, .. }, plan) = Arc::into_inner(crew).ok_or_else(at_work)?.into_course();
    if let Some(error) = log.err().or(untold).or(doubts.into_values().next()) {
        // It has not ended: whoever begins the next run, or goes on with this one, asks the stores what became of it.
        journal.release(&workshop);
        return Err(error);
    }
    for step in schedule.rest() {
        journal.emit(&workshop, EventKind::StepSkipped { step, reason: SkipReason::Interrupted })?;
    }
    let status = schedule.status(interrupt.level());
    let elapsed = SignedDuration::try_from(workshop.env.elapsed().saturating_sub(start)).unwrap_or_default();
    journal.emit(&workshop, EventKind::RunFinished { status, elapsed })?;
    // Otherwise others would wait for a minute.
    journal.flush(&workshop).inspect_err(|_| journal.release(&workshop))?;
    Ok(schedule.report(journal.run().to_owned(), status, elapsed, plan))
}

/// Everything that a run does beside its steps: has them begin when there is room, has what has happened written, says that the run goes on,
/// and hears whether it is to end.
async fn carry_out(crew: Arc<Crew>) {
    let (env, journal, interrupt) = (Arc::clone(&crew.workshop.env), Arc::clone(&crew.journal), crew.interrupt.clone());
    let mut workers: JoinSet<()> = JoinSet::new();
    // Steps that failed and will be tried again.
    let mut delayed: FuturesUnordered<BoxFuture<'static, usize>> = FuturesUnordered::new();
    // What is being written to the log, beside which steps go on, and when it was last written to.
    let mut writing: Option<BoxFuture<'static, Result<()>>> = None;
    let mut written = Duration::ZERO;
    let mut beat = env.tick(BEAT);
    let mut slot: Option<BoxFuture<'static, ()>> = None;
    let mut batch: Option<BoxFuture<'static, ()>> = None;
    loop {
        let waits_for_slot = crew.muster(&mut workers);
        if waits_for_slot && slot.is_none() {
            slot = Some(env.tick(SLOT));
        }
        for (step, delay) in crew.retries() {
            let pause = env.sleep(delay);
            delayed.push(Box::pin(async move {
                pause.await;
                step
            }));
        }
        if writing.is_none() && !journal.is_empty() {
            if env.elapsed().saturating_sub(written) >= BATCH || workers.is_empty() {
                writing = Some(Arc::clone(&journal).write(&crew.workshop));
                batch = None;
            } else if batch.is_none() {
                batch = Some(env.tick(BATCH));
            }
        }
        let (goes_on, level) = {
            let mut course = crew.course();
            course.look_at(&interrupt);
            (course.goes_on(), course.level)
        };
        let more = goes_on && (!delayed.is_empty() || waits_for_slot);
        if workers.is_empty() && writing.is_none() && !more {
            break;
        }
        let listens = batch.is_none() && writing.is_none();
        crew.listens(listens);
        tokio::select! {
            biased;
            Some(ended) = workers.join_next(), if !workers.is_empty() => {
                heard(ended);
                // Whatever else has ended in the meantime is written with it.
                while let Some(ended) = workers.try_join_next() {
                    heard(ended);
                }
            }
            Some(step) = delayed.next(), if !delayed.is_empty() && goes_on => crew.course().schedule.ready.insert(step),
            () = interrupt.above(level) => {}
            () = &mut beat => {
                say_that_it_goes_on(&crew);
                beat = env.tick(BEAT);
            }
            done = due(&mut writing) => {
                writing = None;
                written = env.elapsed();
                crew.course().note(done);
            }
            () = due(&mut slot) => slot = None,
            () = due(&mut batch) => batch = None,
            () = journal.filled(), if listens => {}
        }
        crew.listens(false);
    }
}

/// Says that the run goes on, and hears whether it is to end.
fn say_that_it_goes_on(crew: &Crew) {
    match crew.journal.beat(&crew.workshop) {
        Ok(Beat::Go) => {}
        Ok(Beat::Cancel | Beat::Lost) => crew.interrupt.cancel(),
        // Another has the run; a log that is busy says by the same kind that it may be asked again.
        Err(error) if error.kind() == ErrorKind::Conflict && !error.is_retryable() => {
            crew.interrupt.cancel();
            crew.course().note(Err(error));
        }
        Err(error) => {
            // Another try is due soon, and what it would have said is not lost.
            tracing::warn!(run = crew.journal.run(), %error, "cannot tell the log that the run goes on");
        }
    }
}

/// Somebody has nothing more to do. That a step panics is an error of the step, so this would be one of the runtime.
fn heard(ended: std::result::Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        resume_unwind(panic);
    }
}

/// Waits for what was set, and for ever if nothing was.
async fn due<T>(set: &mut Option<BoxFuture<'static, T>>) -> T {
    match set {
        Some(set) => set.await,
        None => std::future::pending().await,
    }
}

/// How many steps run at once unless somebody says otherwise: as many as the machine has processors.
pub(crate) fn default_parallelism() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
