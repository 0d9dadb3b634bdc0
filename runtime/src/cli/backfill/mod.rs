//! `backfill …`: many runs of one purpose, and how far they are.

mod cancel;
mod go_on;
mod list;
mod progress;
mod start;
mod status;

use std::sync::Arc;

use clap::Subcommand;
use jiff::Timestamp;
use progress::Progress;
use serde_json::{Value, json};

use super::front::on_threads;
use super::materialize::How;
use super::output::{Recorder, Tee};
use super::signals::{Signals, until_done};
use super::{EXIT_INTERRUPTED, EXIT_OK, EXIT_STEP_FAILED, Ended, Shell, complain, print, print_json};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::Interrupt;
use crate::lakehouse::{Backfill as Decided, BackfillOutcome, BackfillStatus, Lakehouse};
use crate::slice::Slice;

/// Make many partitions, run by run, and look at how far that is
#[derive(Subcommand)]
pub(super) enum Backfill {
    /// Decide what is to be made, and make it
    Start(start::Start),
    /// Show how far a backfill is
    Status(status::Status),
    /// List backfills, newest first
    List(list::List),
    /// Go on with a backfill: begin what has not begun, and go on with what was interrupted
    Resume(go_on::Resume),
    /// Go on with a backfill, and try again what has failed
    Retry(go_on::Retry),
    /// Ask a backfill to stop, wherever it is carried out
    Cancel(cancel::Cancel),
}

impl Backfill {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        match self {
            Self::Start(start) => start.run(shell),
            Self::Status(status) => status.run(shell),
            Self::List(list) => list.run(shell),
            Self::Resume(resume) => resume.run(shell),
            Self::Retry(retry) => retry.run(shell),
            Self::Cancel(cancel) => cancel.run(shell),
        }
    }
}

/// How many backfills the beginning of an identifier is looked for in.
const SEARCHED: usize = 1000;

/// The identifier that begins like this; without one, the newest.
fn find(lakehouse: &Lakehouse, beginning: Option<&str>) -> Result<String> {
    if let Some(whole) = beginning
        && lakehouse.backfill(whole)?.is_some()
    {
        return Ok(whole.to_owned());
    }
    let known = lakehouse.backfills(if beginning.is_some() { SEARCHED } else { 1 })?;
    let mut found = known.into_iter().map(|backfill| backfill.id).filter(|id| id.starts_with(beginning.unwrap_or_default()));
    let missing = || match beginning {
        Some(beginning) => Error::new(ErrorKind::Selection, format!("there is no backfill `{beginning}` in the log"))
            .help("`backfill list` shows those there are"),
        None => Error::new(ErrorKind::Selection, "there is no backfill in the log").help("`backfill start` makes one"),
    };
    let first = found.next().ok_or_else(missing)?;
    match found.next() {
        None => Ok(first),
        Some(other) => {
            let message = format!("`{}` is the beginning of several backfills", beginning.unwrap_or_default());
            Err(Error::new(ErrorKind::Selection, message).help(format!("`{first}` and `{other}`, for example")))
        }
    }
}

/// A backfill as `--json` shows it, without its runs.
fn to_json(backfill: &Decided) -> Value {
    let targets: Vec<_> = backfill.groups.iter().flat_map(|group| &group.assets).collect();
    json!({
        "backfill": backfill.id,
        "at": backfill.at,
        "selection": backfill.selection,
        "chosen": backfill.choice,
        "per_run": backfill.cut,
        "parallel": backfill.parallel,
        "tags": backfill.tags,
        "canceled": backfill.canceled,
        "done": backfill.done,
        "assets": targets,
        "run_count": backfill.run_count(),
        "partition_count": backfill.partition_count(),
    })
}

/// The keys of each run, if it is for some and not for all, and they are still keys.
fn keys(lakehouse: &Lakehouse, backfill: &Decided) -> Vec<Option<Vec<String>>> {
    let one = |(_, group, run): (usize, &crate::lakehouse::BackfillGroup, &crate::lakehouse::PlannedRun)| {
        let def = group.assets.first().and_then(|asset| lakehouse.graph().get(&asset.key)?.partitions.as_ref());
        // A backfill outlives the definitions that it was made from, and is to be looked at all the same.
        let keys = def.filter(|_| run.slice != Slice::Whole)?.resolve(&run.slice).ok()?;
        Some(keys.keys().map(|key| key.to_string()).collect())
    };
    backfill.runs().map(one).collect()
}

/// Carries a backfill out, which the signals of the process end, and keeps what the steps of its runs write.
fn carry_out<F>(
    lakehouse: &Lakehouse,
    id: &str,
    progress: &Progress,
    how: &How,
    as_json: bool,
    work: impl FnOnce(Interrupt) -> F,
) -> Result<BackfillStatus>
where
    F: Future<Output = Result<BackfillStatus>>,
{
    let signals = Signals::new(format!("backfill resume {id}"));
    let shown = progress.clone();
    let around: Tee = Arc::new(move |write| shown.suspend(write));
    let recorder = Recorder::start(lakehouse, None, how.logs, &around, as_json);
    let signals = signals.recorded(recorder.clone());
    let status = on_threads(|runtime| runtime.block_on(until_done(signals, work))).flatten();
    recorder.finish();
    progress.finish();
    status
}

/// Shows how a backfill ended; its exit code.
fn end(lakehouse: &Lakehouse, status: &BackfillStatus, as_json: bool) -> u8 {
    let outcome = status.outcome();
    if as_json {
        print_json(&status::status_json(lakehouse, status));
    } else {
        print(&status::summary(status));
        match outcome {
            BackfillOutcome::Done => {}
            BackfillOutcome::Failed => complain(&format!("`backfill retry {}` tries what failed again", status.backfill.id)),
            _ => complain(&goes_on(status)),
        }
    }
    match outcome {
        BackfillOutcome::Done => EXIT_OK,
        BackfillOutcome::Failed => EXIT_STEP_FAILED,
        _ => EXIT_INTERRUPTED,
    }
}

/// How to go on with what has ended early, or not begun.
fn goes_on(status: &BackfillStatus) -> String {
    let id = &status.backfill.id;
    let retry = match status.counts().failed {
        0 => String::new(),
        _ => format!("; `backfill retry {id}` also tries what failed again"),
    };
    format!("`backfill resume {id}` goes on with it{retry}")
}

/// A number with what it counts.
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
