//! Backfills: many runs of one purpose, decided once and kept in the log, so that any process can go on with them.

mod carry;
mod needs;
mod plan;
mod status;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use status::{BackfillCounts, BackfillOutcome, BackfillRun, BackfillStatus};

use super::Lakehouse;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::Interrupt;
use crate::key::AssetKey;
use crate::slice::Slice;
use crate::state::{BackfillRecord, RunQuery, RunState};

/// The version of [`Backfill`] in the log.
const BACKFILL_VERSION: u32 = 1;

/// How many runs of a backfill go on at once unless somebody says otherwise.
const PARALLEL: usize = 1;

/// How a backfill is cut into runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
#[non_exhaustive]
pub enum RunCut {
    /// A run for each partition.
    #[default]
    PerPartition,
    /// One run for everything.
    One,
    /// A run for each key of this dimension. Assets without the dimension are in one run.
    Per(String),
}

impl fmt::Display for RunCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerPartition => "partition",
            Self::One => "one",
            Self::Per(dimension) => dimension,
        })
    }
}

impl FromStr for RunCut {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.to_owned().into())
    }
}

impl From<String> for RunCut {
    /// `partition`, `one`, or else the name of a dimension.
    fn from(text: String) -> Self {
        match text.as_str() {
            "partition" => Self::PerPartition,
            "one" => Self::One,
            _ => Self::Per(text),
        }
    }
}

impl From<RunCut> for String {
    fn from(cut: RunCut) -> Self {
        cut.to_string()
    }
}

/// How a backfill is carried out, beside what it does.
///
/// ```
/// use lakewright::{BackfillOptions, RunCut};
///
/// let options = BackfillOptions::new().cut(RunCut::Per("species".into())).parallel(4).tag("ticket", "OPS-17");
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "hand it to `Lakehouse::plan_backfill`"]
pub struct BackfillOptions {
    cut: RunCut,
    parallel: Option<usize>,
    tags: BTreeMap<String, String>,
}

impl BackfillOptions {
    /// A run for each partition, one at a time.
    pub fn new() -> Self {
        Self::default()
    }

    /// How it is cut into runs.
    pub fn cut(mut self, cut: RunCut) -> Self {
        self.cut = cut;
        self
    }

    /// How many runs go on at once in each process that carries it out.
    pub fn parallel(mut self, runs: usize) -> Self {
        self.parallel = Some(runs);
        self
    }

    /// Attaches something that it and its runs are found by.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(name.into(), value.into());
        self
    }
}

/// A backfill as it was decided: what its runs make does not change any more, whatever becomes of keys and clocks. What they read is what
/// is there when each begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Backfill {
    /// The version of this form.
    pub v: u32,
    /// Its identifier.
    pub id: String,
    /// The moment it was made: which keys there were is as it was then.
    pub at: Timestamp,
    /// The selection that it was made from, for people.
    pub selection: String,
    /// The partitions that were asked for, for people.
    pub choice: String,
    /// How it is cut into runs.
    pub cut: RunCut,
    /// How many runs go on at once in each process that carries it out.
    pub parallel: usize,
    /// What it and its runs are found by.
    pub tags: BTreeMap<String, String>,
    /// Identifies the definitions that it was made from.
    pub fingerprint: String,
    /// Its runs, in the order in which they begin.
    pub groups: Vec<BackfillGroup>,
    /// Whether somebody cancelled it since it was last resumed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canceled: bool,
    /// When all of its runs had succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Timestamp>,
}

/// Runs of one backfill over the same assets. Those of a later stage begin when those of all earlier ones are over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackfillGroup {
    /// When its runs begin.
    pub stage: usize,
    /// What they make together.
    pub assets: Vec<BackfillAsset>,
    /// Whether each run waits for the one before, since a partition is made from an earlier one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_order: bool,
    /// The runs. Each makes what its slice has in common with that of each asset.
    pub runs: Vec<PlannedRun>,
}

/// What a backfill makes of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackfillAsset {
    /// The asset.
    pub key: AssetKey,
    /// The part of it.
    pub slice: Slice,
    /// How many partitions that are; an asset without partitions counts as one.
    pub partitions: u64,
}

/// One run of a backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedRun {
    /// The partitions that it is for; the whole slice means all that the backfill makes.
    pub slice: Slice,
    /// How many partitions it makes, of all its assets together.
    pub partitions: u64,
}

impl Backfill {
    /// The runs with their groups, in the order of their numbers, which are from 1.
    pub fn runs(&self) -> impl Iterator<Item = (usize, &BackfillGroup, &PlannedRun)> {
        let all = self.groups.iter().flat_map(|group| group.runs.iter().map(move |run| (group, run)));
        all.zip(1..).map(|((group, run), number)| (number, group, run))
    }

    /// How many runs there are.
    #[must_use]
    pub fn run_count(&self) -> usize {
        self.groups.iter().map(|group| group.runs.len()).sum()
    }

    /// How many partitions are made, of all assets together; an asset without partitions counts as one.
    #[must_use]
    pub fn partition_count(&self) -> u64 {
        self.groups.iter().flat_map(|group| &group.runs).map(|run| run.partitions).sum()
    }

    /// The identifier of a run by its number. It is always the same, so no run of a backfill can begin twice.
    #[must_use]
    pub fn run_id(&self, number: usize) -> String {
        format!("{}-{number:04}", self.id)
    }

    /// The number of a run by its identifier.
    fn number_of(&self, run: &str) -> Option<usize> {
        run.strip_prefix(&self.id)?.strip_prefix('-')?.parse().ok()
    }

    fn to_record(&self) -> Result<BackfillRecord> {
        let json = serde_json::to_string(self);
        let json = json.map_err(|error| Error::new(ErrorKind::Internal, "a backfill cannot be written down").source(error))?;
        Ok(BackfillRecord { id: self.id.clone(), at: self.at, json })
    }

    fn of_record(record: &BackfillRecord) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let damaged =
            |error| Error::new(ErrorKind::Corrupt, format!("the record of backfill `{}` is damaged", record.id)).source(error);
        let Version { v } = serde_json::from_str(&record.json).map_err(damaged)?;
        if v > BACKFILL_VERSION {
            let message = format!("the backfill `{}` has version {v}, and this program knows {BACKFILL_VERSION}", record.id);
            return Err(Error::new(ErrorKind::Unsupported, message).help("use the program that made it"));
        }
        serde_json::from_str(&record.json).map_err(damaged)
    }
}

impl Lakehouse {
    /// Keeps a backfill in the log and carries it out, until it is done or interrupted. Runs that fail are part of the status.
    ///
    /// # Errors
    /// If the log cannot be written, there is a backfill of this identifier, or it was made from other definitions.
    pub async fn start_backfill(&self, backfill: &Backfill, interrupt: Interrupt) -> Result<BackfillStatus> {
        if self.workshop.state.backfill(&backfill.id)?.is_some() {
            let message = format!("there is a backfill `{}` already", backfill.id);
            return Err(
                Error::new(ErrorKind::Selection, message).help(format!("`backfill resume {}` goes on with it", backfill.id))
            );
        }
        self.check_backfill(backfill)?;
        self.workshop.state.put_backfill(&backfill.to_record()?)?;
        self.carry_out_backfill(backfill, false, interrupt).await
    }

    /// Goes on with a backfill: begins the runs that have not begun, and resumes those that were interrupted. Runs that succeeded are
    /// done, those that failed are left, and those that another process carries out are waited for.
    ///
    /// # Errors
    /// If there is no such backfill, it was made from other definitions, or the log cannot be written.
    pub async fn resume_backfill(&self, id: &str, interrupt: Interrupt) -> Result<BackfillStatus> {
        self.go_on_with_backfill(id, false, interrupt).await
    }

    /// As [`Lakehouse::resume_backfill`], and tries again what has failed.
    ///
    /// # Errors
    /// As [`Lakehouse::resume_backfill`].
    pub async fn retry_backfill(&self, id: &str, interrupt: Interrupt) -> Result<BackfillStatus> {
        self.go_on_with_backfill(id, true, interrupt).await
    }

    async fn go_on_with_backfill(&self, id: &str, retry: bool, interrupt: Interrupt) -> Result<BackfillStatus> {
        let mut status = self.status_of(self.known_backfill(id)?)?;
        self.mark_done(&mut status)?;
        if status.backfill.done.is_some() {
            return Ok(status);
        }
        let mut backfill = status.backfill;
        self.check_backfill(&backfill)?;
        if std::mem::take(&mut backfill.canceled) {
            self.workshop.state.put_backfill(&backfill.to_record()?)?;
        }
        self.carry_out_backfill(&backfill, retry, interrupt).await
    }

    /// Asks a backfill to stop, wherever it is carried out: nothing else of it begins, and its runs are cancelled. It can be resumed.
    /// False if it is done.
    ///
    /// # Errors
    /// If there is no such backfill, or the log cannot be written.
    pub fn cancel_backfill(&self, id: &str) -> Result<bool> {
        let mut status = self.status_of(self.known_backfill(id)?)?;
        self.mark_done(&mut status)?;
        let mut backfill = status.backfill;
        if backfill.done.is_some() {
            return Ok(false);
        }
        // First the mark: whoever carries it out looks at it before a run begins.
        backfill.canceled = true;
        self.workshop.state.put_backfill(&backfill.to_record()?)?;
        let query = RunQuery { backfill: Some(id.to_owned()), open: true, ..RunQuery::newest(usize::MAX) };
        for (record, state) in self.runs(&query)? {
            if state == RunState::Running {
                self.cancel_run(&record.run)?;
            }
        }
        Ok(true)
    }

    /// A backfill; nothing if there is none of this identifier.
    ///
    /// # Errors
    /// If the log cannot be read, or a newer program wrote it.
    pub fn backfill(&self, id: &str) -> Result<Option<Backfill>> {
        self.workshop.state.backfill(id)?.as_ref().map(Backfill::of_record).transpose()
    }

    /// Up to `limit` backfills, newest first.
    ///
    /// # Errors
    /// As [`Lakehouse::backfill`].
    pub fn backfills(&self, limit: usize) -> Result<Vec<Backfill>> {
        self.workshop.state.backfills(limit)?.iter().map(Backfill::of_record).collect()
    }

    /// How far a backfill is. If all of it is done and nobody has written that down, since its last run was gone on with by itself, this
    /// does.
    ///
    /// # Errors
    /// If there is no such backfill, or the log cannot be read.
    pub fn backfill_status(&self, id: &str) -> Result<BackfillStatus> {
        let mut status = self.status_of(self.known_backfill(id)?)?;
        if let Err(error) = self.mark_done(&mut status) {
            // Whoever looks next writes it down.
            tracing::debug!(backfill = id, %error, "cannot write down that a backfill is done");
        }
        Ok(status)
    }

    /// Writes down that a backfill is done if all of its runs have succeeded, whoever saw to that: only then are they not kept for it.
    fn mark_done(&self, status: &mut BackfillStatus) -> Result<()> {
        if status.backfill.done.is_some() || !status.is_success() {
            return Ok(());
        }
        let done = Backfill { done: Some(self.workshop.env.now()), canceled: false, ..status.backfill.clone() };
        self.workshop.state.put_backfill(&done.to_record()?)?;
        status.backfill = done;
        Ok(())
    }

    fn known_backfill(&self, id: &str) -> Result<Backfill> {
        self.backfill(id)?.ok_or_else(|| {
            Error::new(ErrorKind::Selection, format!("there is no backfill `{id}` in the log"))
                .help("`backfill list` shows those there are")
        })
    }

    /// Refuses a backfill whose runs would not be what they were when it was made.
    fn check_backfill(&self, backfill: &Backfill) -> Result<()> {
        if backfill.fingerprint == self.graph().fingerprint() {
            return Ok(());
        }
        let message = format!("the backfill `{}` was made from other definitions than this program has", backfill.id);
        let help = "start a new one with `--missing` or `--failed`, which leaves out what is done";
        Err(Error::new(ErrorKind::Fingerprint, message).help(help))
    }
}
