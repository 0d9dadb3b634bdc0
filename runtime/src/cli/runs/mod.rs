//! `runs …`: the runs there have been, and those that go on.

mod cancel;
mod list;
mod resume;
mod retry;
mod show;

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Ended, Shell};
use crate::state::{RunRecord, RunState};

/// Look at runs, stop them and go on with them
#[derive(Subcommand)]
pub(super) enum Runs {
    /// List runs, the one that began last first
    List(list::List),
    /// Show what became of each step of a run
    Show(show::Show),
    /// Ask a run to stop, wherever it is carried out
    Cancel(cancel::Cancel),
    /// Go on with a run that was interrupted or cancelled, or whose process is gone
    Resume(resume::Resume),
    /// Do a run again, or only what failed of it
    Retry(retry::Retry),
}

impl Runs {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        match self {
            Self::List(list) => list.run(shell),
            Self::Show(show) => show.run(shell),
            Self::Cancel(cancel) => cancel.run(shell),
            Self::Resume(resume) => resume.run(shell),
            Self::Retry(retry) => retry.run(shell),
        }
    }
}

/// A run as `--json` shows it.
fn to_json(record: &RunRecord, status: RunState) -> Value {
    json!({
        "run": record.run,
        "status": status,
        "started": record.started,
        "finished": record.finished,
        "steps": record.steps,
        "succeeded": record.succeeded,
        "failed": record.failed,
        "skipped": record.skipped,
        "cancel": record.cancel,
        "holder": record.holder.as_ref().map(|holder| json!({ "host": holder.host, "pid": holder.pid })),
        "heard": record.beat,
        "selection": record.about.selection,
        "action": record.about.action,
        "backfill": record.about.backfill,
        "tags": record.about.tags,
    })
}

/// What a run is for, in a few words.
fn purpose(record: &RunRecord) -> String {
    let action = record.about.action.as_deref().map(|action| format!("{action} "));
    format!("{}{}", action.unwrap_or_default(), record.about.selection.as_deref().unwrap_or_default())
}

fn tags(record: &RunRecord) -> String {
    record.about.tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
