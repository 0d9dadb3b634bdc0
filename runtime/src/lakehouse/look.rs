//! Runs, as they are looked at: which there are, and what became of the steps of one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Lakehouse;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::event::{Durations, Event, EventKind, Failure, Materialization, SkipReason, StepSummary};
use crate::key::AssetKey;
use crate::slice::Slice;
use crate::state::{RunQuery, RunRecord, RunState};

/// How many runs are read at once.
const PAGE: usize = 500;

/// How many runs an error names.
const NAMED: usize = 5;

/// Which runs are looked for.
///
/// ```
/// use lakewright::prelude::*;
/// use lakewright::state::RunState;
/// use lakewright::{RunFilter, RunOptions};
///
/// #[asset(io_manager = "memory")]
/// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> lakewright::Result<()> {
/// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
/// lakehouse.run_with(lakehouse.plan("numbers")?, RunOptions::new().tag("ticket", "OPS-17")).await?;
/// let found = lakehouse.find_runs(&RunFilter::new().tag("ticket", "OPS-17").status(RunState::Succeeded))?;
/// assert_eq!(found.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "hand it to `Lakehouse::find_runs`"]
pub struct RunFilter {
    limit: Option<usize>,
    open: bool,
    tags: BTreeMap<String, String>,
    status: Option<RunState>,
}

impl RunFilter {
    /// Every run.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most this many.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Only those that have not said how they ended: they go on, or their process is gone.
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Only those with this tag.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(name.into(), value.into());
        self
    }

    /// Only those that are this far.
    pub fn status(mut self, status: RunState) -> Self {
        self.status = Some(status);
        self
    }

    fn fits(&self, record: &RunRecord, state: RunState) -> bool {
        let tagged = |(name, value): (&String, &String)| record.about.tags.get(name) == Some(value);
        self.status.is_none_or(|status| status == state) && self.tags.iter().all(tagged)
    }
}

/// A run with what became of each of its steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunDetail {
    /// The run.
    pub record: RunRecord,
    /// How far it is.
    pub status: RunState,
    /// Its steps, by number.
    pub steps: Vec<StepDetail>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StepDetail {
    /// Its number.
    pub step: usize,
    /// The assets it produces.
    pub assets: Vec<AssetKey>,
    /// The part of each asset, in the same order.
    pub slices: Vec<Slice>,
    /// How far it is.
    pub status: StepState,
    /// How often it was tried.
    pub attempts: u32,
    /// When the last attempt began.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How long its parts took, if it succeeded.
    pub durations: Option<Durations>,
    /// Why it failed, or the last attempt at it.
    pub failure: Option<Failure>,
    /// Why it did not run.
    pub reason: Option<SkipReason>,
    /// What it stored.
    pub materializations: Vec<Materialization>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepState {
    /// It has not begun.
    Waiting,
    /// It has begun.
    Running,
    /// An attempt failed, and there will be another.
    Retrying,
    /// It did all it had to.
    Succeeded,
    /// It failed.
    Failed,
    /// It did not run.
    Skipped,
    /// It had begun, and the run ended before it did.
    Interrupted,
}

impl StepState {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Lakehouse {
    /// The runs that are looked for, the one that began last first, and how far each is.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn find_runs(&self, filter: &RunFilter) -> Result<Vec<(RunRecord, RunState)>> {
        let limit = filter.limit.unwrap_or(usize::MAX);
        let mut found = Vec::new();
        self.each_run(filter.open, |record, state| {
            if found.len() < limit && filter.fits(&record, state) {
                found.push((record, state));
            }
            found.len() < limit
        })?;
        Ok(found)
    }

    /// The run of this name, or the only one whose name begins so, and how far it is.
    ///
    /// ```
    /// use lakewright::prelude::*;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
    /// let report = lakehouse.materialize_blocking("numbers")?;
    /// let (record, _) = lakehouse.find_run(&report.run[..6])?;
    /// assert_eq!(record.run, report.run);
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Selection`] if there is none, which names those that are called nearly so, or if there are several; or if the log
    /// cannot be read.
    pub fn find_run(&self, name: &str) -> Result<(RunRecord, RunState)> {
        if let Some(found) = self.run_record(name)? {
            return Ok(found);
        }
        let (mut begin_so, mut all) = (Vec::new(), Vec::new());
        self.each_run(false, |record, state| {
            all.push(record.run.clone());
            if !name.is_empty() && record.run.starts_with(name) {
                begin_so.push((record, state));
            }
            true
        })?;
        match begin_so.len() {
            1 => Ok(begin_so.remove(0)),
            0 => Err(no_run(name, &all)),
            several => {
                let named: Vec<_> = begin_so.iter().take(NAMED).map(|(record, _)| format!("`{}`", record.run)).collect();
                let more = if several > NAMED { " and others" } else { "" };
                let message = format!("{several} runs begin with `{name}`");
                Err(Error::new(ErrorKind::Selection, message).help(format!("name one of {}{more}", named.join(", "))))
            }
        }
    }

    /// What became of each step of a run.
    ///
    /// # Errors
    /// As [`Lakehouse::find_run`].
    pub fn run_detail(&self, run: &str) -> Result<RunDetail> {
        let (record, status) = self.find_run(run)?;
        let steps = steps_of(&self.run_events(&record.run, 0, usize::MAX)?, status);
        Ok(RunDetail { record, status, steps })
    }

    /// The error of who names a run that there is not.
    pub(super) fn unknown_run(&self, name: &str) -> Result<Error> {
        let mut all = Vec::new();
        self.each_run(false, |record, _| {
            all.push(record.run);
            true
        })?;
        Ok(no_run(name, &all))
    }

    /// Shows every run, the one that began last first, until told to stop.
    pub(super) fn each_run(&self, open: bool, mut goes_on: impl FnMut(RunRecord, RunState) -> bool) -> Result<()> {
        let mut before = None;
        loop {
            let page = self.runs(&RunQuery { before, open, ..RunQuery::newest(PAGE) })?;
            let last = page.len() < PAGE;
            before = page.last().map(|(record, _)| record.first);
            for (record, state) in page {
                if !goes_on(record, state) {
                    return Ok(());
                }
            }
            if last {
                return Ok(());
            }
        }
    }
}

/// There is no run of this name, nor one whose name begins so; perhaps one is called nearly so.
fn no_run(name: &str, all: &[String]) -> Error {
    let error = Error::new(ErrorKind::Selection, format!("there is no run `{name}` in the log"));
    // What was typed may be a beginning with a slip in it.
    let beginnings = all.iter().map(|run| run.get(..name.len()).unwrap_or(run));
    let near = nearest(name, all.iter().map(String::as_str)).or_else(|| nearest(name, beginnings));
    match near.and_then(|near| all.iter().find(|run| run.starts_with(near))) {
        Some(near) => error.help(format!("did you mean `{near}`? `runs list` shows those there are")),
        None => error.help("`runs list` shows those there are"),
    }
}

/// What became of the steps of a run, from its events in order.
pub(super) fn steps_of(events: &[Event], status: RunState) -> Vec<StepDetail> {
    let mut steps: Vec<StepDetail> = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::RunStarted { steps: all, .. } => steps = all.iter().enumerate().map(StepDetail::new).collect(),
            EventKind::RunResumed { steps: again } => {
                for step in again {
                    if let Some(step) = steps.get_mut(*step) {
                        *step = StepDetail { attempts: step.attempts, ..step.anew() };
                    }
                }
            }
            kind => {
                if let Some(step) = kind.step().and_then(|step| steps.get_mut(step)) {
                    step.follow(event.at, kind);
                }
            }
        }
    }
    if status != RunState::Running {
        for step in steps.iter_mut().filter(|step| matches!(step.status, StepState::Running | StepState::Retrying)) {
            step.status = StepState::Interrupted;
        }
    }
    steps
}

impl StepDetail {
    fn new((step, summary): (usize, &StepSummary)) -> Self {
        Self {
            step,
            assets: summary.assets.clone(),
            slices: summary.slices.clone(),
            status: StepState::Waiting,
            attempts: 0,
            began: None,
            ended: None,
            durations: None,
            failure: None,
            reason: None,
            materializations: Vec::new(),
        }
    }

    /// The step as it is before it begins.
    fn anew(&self) -> Self {
        let summary = StepSummary { assets: self.assets.clone(), slices: self.slices.clone(), after: Vec::new() };
        Self::new((self.step, &summary))
    }

    fn follow(&mut self, at: Timestamp, kind: &EventKind) {
        match kind {
            EventKind::StepStarted { attempt, .. } => {
                *self = Self { status: StepState::Running, attempts: *attempt, began: Some(at), ..self.anew() };
            }
            EventKind::Materialized { materialization, .. } | EventKind::Reconciled { materialization, .. } => {
                self.materializations.push(Materialization::clone(materialization));
            }
            EventKind::StepRetrying { failure, .. } => {
                (self.status, self.failure) = (StepState::Retrying, Some(failure.clone()));
            }
            EventKind::StepSucceeded { durations, .. } => {
                (self.status, self.ended, self.durations) = (StepState::Succeeded, Some(at), Some(*durations));
            }
            EventKind::StepFailed { failure, .. } => {
                (self.status, self.ended, self.failure) = (StepState::Failed, Some(at), Some(failure.clone()));
            }
            EventKind::StepSkipped { reason, .. } => {
                // What had begun when its run was cancelled is said to be skipped too.
                self.status = if self.status == StepState::Waiting { StepState::Skipped } else { StepState::Interrupted };
                (self.ended, self.reason) = (Some(at), Some(reason.clone()));
            }
            _ => {}
        }
    }
}
