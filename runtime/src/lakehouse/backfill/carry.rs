//! Carries out a backfill: run by run, several at once, beside other processes that may do the same.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use serde::Deserialize;

use super::needs::NotDone;
use super::plan::Target;
use super::{Backfill, BackfillGroup, BackfillStatus, PlannedRun};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{Interrupt, Plan, RunReport};
use crate::lakehouse::{Lakehouse, RunOptions};
use crate::state::RunState;

/// How often whoever carries out a backfill looks whether it was cancelled.
const LOOK: Duration = Duration::from_secs(2);

/// The pause before something that another run is at is tried again: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

impl Lakehouse {
    pub(super) async fn carry_out_backfill(
        &self,
        backfill: &Backfill,
        retry: bool,
        interrupt: Interrupt,
    ) -> Result<BackfillStatus> {
        let carrier = Carrier { lakehouse: self, backfill, retry, stop: Interrupt::new() };
        tokio::select! {
            biased;
            never = interrupt.pass_on(&carrier.stop) => match never {},
            status = carrier.carry_out() => status,
        }
    }
}

/// Who carries out a backfill.
struct Carrier<'a> {
    lakehouse: &'a Lakehouse,
    backfill: &'a Backfill,
    /// Whether runs that failed are tried again.
    retry: bool,
    /// Ends all of it.
    stop: Interrupt,
}

/// A run of a group that is about to begin.
#[derive(Clone, Copy)]
struct Next<'a> {
    number: usize,
    run: &'a PlannedRun,
}

/// How a run ended for whoever looked after it.
enum Ended {
    Done,
    /// It failed, or was interrupted, or something that it needs is not done.
    Open,
    /// Another process carries it out.
    Taken,
}

/// A group while its runs are carried out.
struct Queue<'a> {
    group: &'a BackfillGroup,
    targets: Vec<Target>,
    waiting: VecDeque<Next<'a>>,
    running: usize,
}

impl Carrier<'_> {
    async fn carry_out(&self) -> Result<BackfillStatus> {
        let stages: BTreeSet<usize> = self.backfill.groups.iter().map(|group| group.stage).collect();
        for stage in stages {
            if self.stops()? {
                break;
            }
            self.stage(stage).await?;
        }
        let mut status = self.lakehouse.status_of(self.lakehouse.known_backfill(&self.backfill.id)?)?;
        self.lakehouse.mark_done(&mut status)?;
        Ok(status)
    }

    /// The runs of one stage.
    async fn stage(&self, stage: usize) -> Result<()> {
        let mut open = self.lakehouse.not_done_before(self.backfill, stage, &self.lakehouse.runs_of(self.backfill)?)?;
        let mut queues = self.queues(stage)?;
        let mut taken: Vec<(usize, Next<'_>)> = Vec::new();
        let mut running: FuturesUnordered<BoxFuture<'_, (usize, Next<'_>, Result<Ended>)>> = FuturesUnordered::new();
        let mut failed: Result<()> = Ok(());
        loop {
            while failed.is_ok() && running.len() < self.backfill.parallel {
                let free = |queue: &Queue<'_>| !(queue.waiting.is_empty() || queue.group.in_order && queue.running > 0);
                let Some(at) = queues.iter().position(free) else { break };
                match self.stops() {
                    Ok(false) => {}
                    Ok(true) => break,
                    Err(error) => {
                        failed = Err(error);
                        break;
                    }
                }
                let queue = &mut queues[at];
                let Some(next) = queue.waiting.pop_front() else { break };
                match self.lakehouse.is_held_up(self.backfill, &queue.targets, next.run, &open) {
                    Ok(false) => {
                        queue.running += 1;
                        let plan = self.lakehouse.plan_of_run(self.backfill, &queue.targets, next.run);
                        let in_order = queue.group.in_order;
                        running.push(Box::pin(async move {
                            let ended = match plan {
                                Ok(plan) => self.one(next.number, plan, in_order).await,
                                Err(error) => Err(error),
                            };
                            (at, next, ended)
                        }));
                    }
                    Ok(true) => failed = self.note_open(&mut open, queue, next.run),
                    Err(error) => failed = Err(error),
                }
            }
            if running.is_empty() {
                if failed.is_err() || taken.is_empty() || self.stops()? {
                    return failed;
                }
                // All that is left is carried out elsewhere. Whoever does may end without being done.
                self.pause(LOOK).await;
                for (at, next) in taken.drain(..) {
                    queues[at].waiting.push_back(next);
                }
                continue;
            }
            tokio::select! {
                Some((at, next, ended)) = running.next() => {
                    let queue = &mut queues[at];
                    queue.running -= 1;
                    match ended {
                        Ok(Ended::Done) => {}
                        Ok(Ended::Open) => failed = failed.and(self.note_open(&mut open, queue, next.run)),
                        Ok(Ended::Taken) => taken.push((at, next)),
                        Err(error) => failed = failed.and(Err(error)),
                    }
                }
                () = self.lakehouse.workshop.env.sleep(LOOK) => failed = failed.and(self.stops().map(|_| ())),
            }
            if failed.is_err() {
                // Without the log nothing else is to begin; what has begun is waited for.
                self.stop.raise();
            }
        }
    }

    fn queues(&self, stage: usize) -> Result<Vec<Queue<'_>>> {
        let mut first = 1;
        let mut queues = Vec::new();
        for group in &self.backfill.groups {
            let waiting = group.runs.iter().zip(first..).map(|(run, number)| Next { number, run });
            if group.stage == stage {
                queues.push(Queue { group, targets: self.lakehouse.targets(group)?, waiting: waiting.collect(), running: 0 });
            }
            first += group.runs.len();
        }
        Ok(queues)
    }

    /// Whether nothing else is to begin. Somebody may have said so in the log.
    fn stops(&self) -> Result<bool> {
        #[derive(Deserialize)]
        struct Mark {
            #[serde(default)]
            canceled: bool,
        }
        if self.stop.is_raised() {
            return Ok(true);
        }
        let Some(record) = self.lakehouse.workshop.state.backfill(&self.backfill.id)? else { return Ok(false) };
        let mark: Mark = serde_json::from_str(&record.json)
            .map_err(|error| Error::new(ErrorKind::Corrupt, "the record of a backfill is damaged").source(error))?;
        if mark.canceled {
            self.stop.cancel();
        }
        Ok(mark.canceled)
    }

    /// Waits, though not longer than until all of it is to end.
    async fn pause(&self, pause: Duration) {
        let env = &self.lakehouse.workshop.env;
        // Between half of it and all of it, so that those who wait for the same do not come back together.
        let share = (env.random() >> 11) as f64 / (1u64 << 53) as f64;
        tokio::select! {
            () = self.stop.raised() => {}
            () = env.sleep(pause.mul_f64(0.5 + share / 2.0)) => {}
        }
    }

    /// Begins a run, or goes on with it, or sees that it is done.
    async fn one(&self, number: usize, plan: Plan, waits: bool) -> Result<Ended> {
        let run = self.backfill.run_id(number);
        let mut pause = PAUSES.0;
        loop {
            let state = self.lakehouse.run_record(&run)?.map(|(_, state)| state);
            // Of a run that is cancelled, the others are not.
            let own = Interrupt::new();
            let carried = async {
                match state {
                    Some(RunState::Succeeded) => Ok(Some(Ended::Done)),
                    Some(RunState::Failed) if !self.retry => Ok(Some(Ended::Open)),
                    Some(RunState::Running) => Ok((!waits).then_some(Ended::Taken)),
                    None => {
                        // It reads what is there when it begins, however long something was in its way.
                        let plan = Plan { at: self.lakehouse.moment_for(self.backfill), ..plan.clone() };
                        let report = self.lakehouse.run_with(plan, self.options(&run, &own)).await;
                        report.map(|report| Some(Ended::of(&report)))
                    }
                    Some(RunState::Failed) => {
                        self.lakehouse.retry_failed(&run, own.clone()).await.map(|report| Some(Ended::of(&report)))
                    }
                    Some(RunState::Interrupted | RunState::Canceled) => {
                        self.lakehouse.resume(&run, own.clone()).await.map(|report| Some(Ended::of(&report)))
                    }
                }
            };
            let carried = tokio::select! {
                biased;
                never = self.stop.pass_on(&own) => match never {},
                carried = carried => carried,
            };
            match carried {
                Ok(Some(ended)) => return Ok(ended),
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::Busy => {
                    tracing::info!(run, %error, "a run of a backfill waits for another");
                }
                Err(error) => {
                    let now = self.lakehouse.run_record(&run)?.map(|(_, state)| state);
                    if now == state {
                        return Err(error);
                    }
                    // Another process was quicker.
                }
            }
            if self.stop.is_raised() {
                return Ok(Ended::Open);
            }
            self.pause(pause).await;
            if self.stop.is_raised() {
                return Ok(Ended::Open);
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    fn options(&self, run: &str, interrupt: &Interrupt) -> RunOptions {
        let options = RunOptions::new().id(run).backfill(&self.backfill.id).selection(&self.backfill.selection);
        let tags = self.backfill.tags.iter();
        tags.fold(options.interrupt(interrupt.clone()), |options, (name, value)| options.tag(name, value))
    }

    fn note_open(&self, open: &mut NotDone, queue: &Queue<'_>, run: &PlannedRun) -> Result<()> {
        // Runs without an order of theirs do not need each other.
        if queue.group.in_order {
            open.add(self.lakehouse.made_by(&queue.targets, run)?);
        }
        Ok(())
    }
}

impl Ended {
    fn of(report: &RunReport) -> Self {
        if report.is_success() { Self::Done } else { Self::Open }
    }
}
