//! Runs: beginning one, going on with one, ending one, and looking at those there have been.

use std::collections::{BTreeMap, HashMap};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;

use jiff::SignedDuration;
use tracing::Instrument;

use super::Lakehouse;
use crate::env::{Holder, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Durations, Event, EventKind, RunAbout, RunStatus, StepSummary};
use crate::exec::{self, BEAT, Begun, HandOver, InProcess, Interrupt, Journal, Moment, Past, Plan, RunReport};
use crate::key::AssetKey;
use crate::slice::Slice;
use crate::state::{Beat, NewRun, Referee, RunQuery, RunRecord, RunState};

/// How a run is carried out, beside what it does.
///
/// ```
/// use lakewright::RunOptions;
///
/// let options = RunOptions::new().tag("ticket", "OPS-17").selection("orders+");
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "hand it to `Lakehouse::run_with`"]
pub struct RunOptions {
    about: RunAbout,
    interrupt: Interrupt,
    id: Option<String>,
}

impl RunOptions {
    /// Nothing out of the ordinary.
    pub fn new() -> Self {
        Self::default()
    }

    /// Attaches something that the run is found by.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.about.tags.insert(name.into(), value.into());
        self
    }

    /// Says from which selection the plan was made, for people.
    pub fn selection(mut self, selection: impl Into<String>) -> Self {
        self.about.selection = Some(selection.into());
        self
    }

    /// Says that the run is part of a backfill.
    pub fn backfill(mut self, id: impl Into<String>) -> Self {
        self.about.backfill = Some(id.into());
        self
    }

    /// Ends the run early. It may be that of several runs: one that is ended by itself, as by `runs cancel`, does not raise it.
    pub fn interrupt(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = interrupt;
        self
    }

    /// The identifier of the run, which no other may have; a random one without this.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// Tells what somebody is about to make.
pub(super) type Wanted<'a> = &'a (dyn Fn() -> Vec<StepSummary> + Sync);

impl Lakehouse {
    /// Runs a plan until it is done or interrupted.
    ///
    /// A run is ended with its [`Interrupt`]. If the future is dropped, because of a timeout or since whoever asked has left, the run is
    /// cancelled, and comes to its end without it: async bodies are dropped where they wait, bodies that block are waited for, and what they
    /// give is not stored. Until then nobody else makes the same. If the runtime ends before that, it is so for another minute.
    ///
    /// # Errors
    /// If the log cannot be written, the plan was made from other definitions, or another run that still goes on makes a part of the
    /// same ([`ErrorKind::Busy`]).
    pub async fn run(&self, plan: Plan, interrupt: Interrupt) -> Result<RunReport> {
        self.run_with(plan, RunOptions::new().interrupt(interrupt)).await
    }

    /// As [`Lakehouse::run`], with options.
    ///
    /// # Errors
    /// As [`Lakehouse::run`], or if there is a run of this identifier ([`ErrorKind::Present`]).
    pub async fn run_with(&self, mut plan: Plan, options: RunOptions) -> Result<RunReport> {
        plan.check(self.graph())?;
        let steps = plan.summary();
        self.close_lost_runs_of(Some(&|| steps.clone())).await?;
        let workshop = &self.workshop;
        let RunOptions { mut about, interrupt, id } = options;
        about.changed = plan.changed;
        let run = id.unwrap_or_else(|| unique_id(workshop.env.as_ref()));
        let holder = workshop.env.holder();
        let new = NewRun {
            run: &run,
            at: workshop.env.now(),
            holder: &holder,
            steps,
            fingerprint: self.graph().fingerprint(),
            plan_at: plan.at,
            about,
        };
        let mut numbers = Vec::new();
        workshop.tell(|| {
            let event = workshop.state.begin(&new, workshop.as_ref())?;
            if let EventKind::RunStarted { numbers: issued, .. } = &event.kind {
                numbers.clone_from(issued);
            }
            Ok(vec![event])
        })?;
        for (step, numbers) in plan.steps.iter_mut().zip(numbers) {
            for (asset, number) in step.assets.iter_mut().zip(numbers) {
                asset.number = Some(number);
            }
        }
        let begun = Begun { plan, done: BTreeMap::new(), attempts: BTreeMap::new(), again: false };
        self.carry_out(run, holder, begun, interrupt).await
    }

    /// Goes on with a run that was interrupted, cancelled, or whose process has ended: with the steps that are not done, under the same
    /// numbers, so that what it had committed is not committed again.
    ///
    /// # Errors
    /// If there is no such run ([`ErrorKind::Selection`]), it still goes on, it has nothing left to do, or its definitions have changed; or as
    /// [`Lakehouse::run`].
    pub async fn resume(&self, run: &str, interrupt: Interrupt) -> Result<RunReport> {
        self.go_on(run, interrupt, &[RunState::Interrupted, RunState::Canceled]).await
    }

    /// Tries the failed steps of a run again, and those that were skipped because of them, under the same numbers.
    ///
    /// # Errors
    /// As [`Lakehouse::resume`].
    pub async fn retry_failed(&self, run: &str, interrupt: Interrupt) -> Result<RunReport> {
        self.go_on(run, interrupt, &[RunState::Failed, RunState::Interrupted, RunState::Canceled]).await
    }

    /// The steps of a run as a plan, for a new run of the same under new numbers. It makes everything, also what a run of what has changed
    /// had left out.
    ///
    /// ```
    /// use lakewright::RunOptions;
    /// use lakewright::prelude::*;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lakewright::Result<()> {
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
    /// let first = lakehouse.materialize("numbers").await?;
    /// let second = lakehouse.run_with(lakehouse.plan_of(&first.run)?, RunOptions::new()).await?;
    /// let numbers: Vec<_> = second.materializations().map(|stored| stored.commit.number).collect();
    /// assert_eq!(numbers, [2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is no such run, it made nothing, or its definitions have changed.
    pub fn plan_of(&self, run: &str) -> Result<Plan> {
        let (record, _) = self.known_run(run)?;
        refuse_action(&record)?;
        let mut plan = Past::of(run, &self.workshop.state.run_events(run, 0, usize::MAX)?)?.plan;
        (plan.at, plan.changed) = (self.workshop.env.now(), false);
        for asset in plan.steps.iter_mut().flat_map(|step| &mut step.assets) {
            asset.number = None;
        }
        plan.check(self.graph())?;
        Ok(plan)
    }

    async fn go_on(&self, run: &str, interrupt: Interrupt, from: &[RunState]) -> Result<RunReport> {
        let workshop = &self.workshop;
        let (record, before) = self.known_run(run)?;
        refuse_action(&record)?;
        // What another lost run has stored of the same is to be known before this one replaces it; and this one is to have an end.
        let steps = self.steps_of(run)?;
        self.close_lost_runs_of(Some(&|| steps.clone())).await?;
        let (_, state) = self.known_run(run)?;
        // One that had done all it had to, and could not say so, has an end now and is told as a whole.
        let was_done = state == RunState::Succeeded && before != state;
        if state != RunState::Running && !from.contains(&state) && !was_done {
            let message = format!("the run `{run}` {}", ended(state));
            let help = match state {
                RunState::Failed => format!("`runs retry {run} --failed` tries its failed steps again"),
                _ => "there is nothing left to do; start a new run".to_owned(),
            };
            return Err(Error::new(ErrorKind::Selection, message).help(help));
        }
        let past = Past::of(run, &workshop.state.run_events(run, 0, usize::MAX)?)?;
        past.plan.check(self.graph())?;
        let holder = workshop.env.holder();
        let open = past.open();
        workshop.tell(|| {
            let event = workshop.state.reopen(run, workshop.env.now(), &holder, &open, workshop.as_ref())?;
            Ok(vec![event])
        })?;
        let Past { plan, done, attempts } = past;
        let begun = Begun { plan, done, attempts, again: true };
        self.carry_out(run.to_owned(), holder, begun, interrupt).await
    }

    /// Carries out a run that is in the log. Were it dropped where it waits, nobody would hear of a commit that is on its way, and a body that
    /// blocks would go on beside whoever makes the same next; so it comes to its end, cancelled, also if nobody waits for it any more.
    async fn carry_out(&self, run: String, holder: Holder, begun: Begun, interrupt: Interrupt) -> Result<RunReport> {
        let (lakehouse, interrupt) = (self.clone(), interrupt.of_one());
        let _waits = Waits(interrupt.clone());
        let work = async move { lakehouse.attend(run, holder, begun, interrupt).await };
        match tokio::spawn(work.in_current_span()).await {
            Ok(report) => report,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(Error::new(ErrorKind::Interrupted, "the runtime was shut down")),
            },
        }
    }

    async fn attend(&self, run: String, holder: Holder, begun: Begun, interrupt: Interrupt) -> Result<RunReport> {
        let hand_over = Arc::new(HandOver::new(&begun.plan, self.graph(), self.workshop.hand_over));
        let (moment, changed) = (Arc::new(Moment::new(begun.plan.at)), begun.plan.changed);
        let journal = Arc::new(Journal::new(run, holder, &self.workshop));
        let workshop = Arc::clone(&self.workshop);
        let launcher =
            Arc::new(InProcess { workshop: Arc::clone(&workshop), hand_over, moment, journal: Arc::clone(&journal), changed });
        // A run may have been lost since lost runs were looked for. With this one's lease taken none can go on with the same, and as this
        // one has stored nothing yet, the stores still tell what the lost one had.
        let summary = || begun.plan.summary();
        let canceled = || interrupt.cancel();
        if let Err(error) = self.beating(&journal, canceled, self.close_lost_runs_of(Some(&summary))).await {
            journal.release(&self.workshop);
            return Err(error);
        }
        exec::run(workshop, launcher, journal, begun, self.parallelism, interrupt).await
    }

    /// Waits for what may take long, a store that does not answer for example, and says in the meantime that a run goes on: who has not been
    /// heard of for a minute is taken for lost. If that has happened, the work is given up where it waits.
    pub(super) async fn beating<T>(
        &self,
        journal: &Journal,
        canceled: impl Fn() + Send + Sync,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = self.workshop.env.tick(BEAT) => match journal.beat(&self.workshop) {
                    Ok(Beat::Cancel | Beat::Lost) => canceled(),
                    Ok(Beat::Go) => {}
                    // Another try is due soon, before anybody misses this one.
                    Err(error) if error.is_retryable() => {
                        tracing::warn!(run = journal.run(), %error, "cannot tell the log that the run goes on");
                    }
                    Err(error) => return Err(error),
                },
            }
        }
    }

    /// Asks a run to stop, wherever it is carried out: what has begun ends, async bodies where they wait, and it can be resumed. False if it
    /// has ended.
    ///
    /// # Errors
    /// If there is no such run, or the log cannot be written.
    pub fn cancel_run(&self, run: &str) -> Result<bool> {
        self.known_run(run)?;
        self.workshop.state.cancel(run)
    }

    /// Runs, the one that began last first, and how far each is.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn runs(&self, query: &RunQuery) -> Result<Vec<(RunRecord, RunState)>> {
        let records = self.workshop.state.runs(query)?;
        Ok(records.into_iter().map(|record| self.with_state(record)).collect())
    }

    /// A run, and how far it is; nothing if there is none of this name.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn run_record(&self, run: &str) -> Result<Option<(RunRecord, RunState)>> {
        Ok(self.workshop.state.run(run)?.map(|record| self.with_state(record)))
    }

    fn known_run(&self, run: &str) -> Result<(RunRecord, RunState)> {
        match self.run_record(run)? {
            Some(found) => Ok(found),
            None => Err(self.unknown_run(run)?),
        }
    }

    fn with_state(&self, record: RunRecord) -> (RunRecord, RunState) {
        let state = record.state(self.workshop.as_ref());
        (record, state)
    }

    /// Up to `limit` events of a run after a cursor, oldest first.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn run_events(&self, run: &str, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.workshop.state.run_events(run, after, limit)
    }

    /// Writes down how the runs ended whose processes are no more, and what they had stored that nobody could record. Every run begins
    /// with this. How many they were.
    ///
    /// # Errors
    /// If the log cannot be read or written, or a store cannot say what it has.
    pub async fn close_lost_runs(&self) -> Result<usize> {
        self.close_lost_runs_of(None).await
    }

    /// As [`Lakehouse::close_lost_runs`]. A store that does not answer is only in the way of whoever makes something of the same as the
    /// lost run, if that is said.
    pub(super) async fn close_lost_runs_of(&self, wanted: Option<Wanted<'_>>) -> Result<usize> {
        let mut closed = 0;
        for record in self.workshop.state.runs(&RunQuery { open: true, ..RunQuery::newest(usize::MAX) })? {
            if record.state(self.workshop.as_ref()) != RunState::Interrupted {
                continue;
            }
            match self.close_lost_run(&record).await {
                Ok(done) => closed += usize::from(done),
                Err(error) if wanted.is_some_and(|wanted| !self.meets(&record.run, &wanted())) => {
                    tracing::warn!(run = record.run, %error, "it is not known yet what a run had stored whose process is gone");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(closed)
    }

    /// Whether a run was to make a part of the same; true if that cannot be told.
    fn meets(&self, run: &str, wanted: &[StepSummary]) -> bool {
        let Ok(theirs) = self.steps_of(run) else { return true };
        let (ours, theirs) = (by_asset(wanted), by_asset(&theirs));
        ours.iter().any(|(asset, ours)| theirs.get(*asset).is_some_and(|theirs| self.workshop.overlap(asset, ours, theirs)))
    }

    /// The steps of a run.
    fn steps_of(&self, run: &str) -> Result<Vec<StepSummary>> {
        let first = self.workshop.state.run_events(run, 0, 1)?.into_iter().next().map(|event| event.kind);
        match first {
            Some(EventKind::RunStarted { steps, .. }) => Ok(steps),
            _ => Err(Error::new(ErrorKind::Corrupt, format!("the log does not have the beginning of the run `{run}`"))),
        }
    }

    async fn close_lost_run(&self, record: &RunRecord) -> Result<bool> {
        let workshop = &self.workshop;
        let run = record.run.as_str();
        let (holder, now) = (workshop.env.holder(), workshop.env.now());
        let taken = workshop.tell(|| Ok(vec![workshop.state.reopen(run, now, &holder, &[], workshop.as_ref())?]));
        match taken {
            Ok(()) => {}
            // Another process was quicker.
            Err(error) if error.kind() == ErrorKind::Busy => return Ok(false),
            Err(error) => return Err(error),
        }
        let journal = Journal::new(run.to_owned(), holder, workshop);
        let closed = self.beating(&journal, || {}, self.end_lost_run(record, &journal)).await;
        match closed {
            Ok(()) => Ok(true),
            // It took so long that another process does it now; of a log that is only busy nobody knows that.
            Err(error) if error.kind() == ErrorKind::Conflict && !error.is_retryable() => Ok(false),
            Err(error) => {
                // Somebody else may ask again.
                journal.release(workshop);
                Err(error)
            }
        }
    }

    /// Records what a run had stored, and that it has ended.
    async fn end_lost_run(&self, record: &RunRecord, journal: &Journal) -> Result<()> {
        let workshop = &self.workshop;
        let mut status = RunStatus::Interrupted;
        // What was begun by other definitions, or by a version that did not keep plans, is only marked as ended.
        let past = Past::of(&record.run, &workshop.state.run_events(&record.run, 0, usize::MAX)?);
        let past = past.ok().filter(|past| past.plan.check(self.graph()).is_ok());
        if let Some(past) = past.as_ref().filter(|_| record.about.action.as_deref() == Some("wipe")) {
            self.settle_wipe(journal, past).await?;
        }
        if let Some(past) = past.filter(|_| record.about.action.is_none()) {
            status = RunStatus::Succeeded;
            for step in past.open() {
                if exec::landed_before(workshop, journal, &past.plan.steps[step]).await? {
                    journal.emit(workshop, EventKind::StepSucceeded { step, durations: Durations::default() })?;
                } else {
                    status = RunStatus::Interrupted;
                }
            }
        }
        let elapsed = workshop.env.now().duration_since(record.started).max(SignedDuration::ZERO);
        journal.emit(workshop, EventKind::RunFinished { status, elapsed })?;
        journal.flush(workshop)
    }
}

/// Whoever waits for a run. Without them it is cancelled; once it has ended, that means nothing.
struct Waits(Interrupt);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What steps make of each asset.
fn by_asset(steps: &[StepSummary]) -> HashMap<&AssetKey, Vec<&Slice>> {
    let mut by_asset: HashMap<&AssetKey, Vec<&Slice>> = HashMap::new();
    for (asset, slice) in steps.iter().flat_map(|step| step.assets.iter().zip(&step.slices)) {
        by_asset.entry(asset).or_default().push(slice);
    }
    by_asset
}

/// Refuses what only makes sense for a run that materializes.
fn refuse_action(record: &RunRecord) -> Result<()> {
    let Some(action) = &record.about.action else { return Ok(()) };
    let command = if action == "repair" { "doctor --repair".to_owned() } else { format!("asset {action}") };
    let message = format!("the run `{}` did not materialize anything: it was `{command}`", record.run);
    Err(Error::new(ErrorKind::Selection, message).help(format!("do it again with `{command}`")))
}

fn ended(state: RunState) -> &'static str {
    match state {
        RunState::Running => "still goes on",
        RunState::Succeeded => "has succeeded",
        RunState::Failed => "has failed",
        RunState::Interrupted => "was interrupted",
        RunState::Canceled => "was cancelled",
    }
}
