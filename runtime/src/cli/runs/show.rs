//! `runs show`: what became of each step of a run?

use std::io::{IsTerminal, stdout};

use clap::Args;
use serde_json::json;

use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use super::{moment, purpose, tags, to_json};
use crate::event::SkipReason;
use crate::lakehouse::{RunDetail, StepDetail, StepState};
use crate::report::{bytes, duration, narrow_table, partitions, render_failure};
use crate::slice::Slice;
use crate::state::RunState;

/// Show what became of each step of a run
#[derive(Args)]
#[command(after_long_help = "Examples:
  runs show 3f9c2a7be1d04586
  runs show 3f9          an unambiguous beginning is enough
  runs show 3f9 --json   with failures and everything that was stored")]
pub(in super::super) struct Show {
    /// The run, or the beginning of its name
    run: String,
}

impl Show {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let detail = lakehouse.run_detail(&self.run)?;
        if as_json {
            let mut run = to_json(&detail.record, detail.status);
            run["steps"] = json!(detail.steps);
            print_json(&json!({ "v": 1, "run": run }));
        } else {
            print(&to_text(&detail));
        }
        Ok(EXIT_OK)
    }
}

fn to_text(detail: &RunDetail) -> String {
    let record = &detail.record;
    let mut lines = vec![format!("run {}", record.run)];
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("  {name:<16}{value}"));
        }
    };
    let asked = if record.cancel && detail.status == RunState::Running { ", and was asked to stop" } else { "" };
    line("status", format!("{}{asked}", detail.status.name()));
    line("for", purpose(record));
    line("tags", tags(record));
    line("backfill", record.about.backfill.clone().unwrap_or_default());
    line("began", moment(record.started));
    line("took", record.finished.map(|at| duration(at.duration_since(record.started))).unwrap_or_default());
    line("carried out by", record.holder.as_ref().map(ToString::to_string).unwrap_or_default());
    if record.finished.is_none() {
        line("last heard of", moment(record.beat));
    }
    let mut counts = vec![format!("{} of {} done", record.succeeded, record.steps)];
    for (count, what) in [(record.failed, "failed"), (record.skipped, "skipped")] {
        counts.extend((count > 0).then(|| format!("{count} {what}")));
    }
    line("steps", counts.join(", "));
    lines.push(steps(&detail.steps));
    let fancy = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for step in &detail.steps {
        if let Some(failure) = &step.failure {
            lines.push(format!("step {}: {}\n{}", step.step, name(step), render_failure(failure, fancy).trim_end()));
        }
    }
    let next = match detail.status {
        RunState::Running => format!("`runs cancel {}` stops it", record.run),
        RunState::Interrupted | RunState::Canceled if record.about.action.is_none() => {
            format!("`runs resume {}` goes on with it", record.run)
        }
        RunState::Failed if record.about.action.is_none() => {
            format!("`runs retry {} --failed` tries what failed again", record.run)
        }
        _ => return lines.join("\n"),
    };
    lines.push(next);
    lines.join("\n")
}

fn steps(steps: &[StepDetail]) -> String {
    let any_partitions = steps.iter().flat_map(|step| &step.slices).any(|slice| *slice != Slice::Whole);
    let rows = steps.iter().flat_map(|step| {
        let took = match (&step.durations, step.began, step.ended) {
            (Some(took), ..) => duration(took.load + took.compute + took.store),
            (None, Some(began), Some(ended)) => duration(ended.duration_since(began)),
            _ => String::new(),
        };
        let attempts = if step.attempts == 0 { String::new() } else { step.attempts.to_string() };
        step.assets.iter().zip(&step.slices).map(move |(asset, slice)| {
            let stored: Vec<_> = step.materializations.iter().filter(|stored| stored.asset == *asset).collect();
            let sum = |of: fn(&crate::event::Materialization) -> Option<u64>| {
                stored.iter().map(|stored| of(stored)).sum::<Option<u64>>().filter(|_| !stored.is_empty())
            };
            let mut row = vec![
                step.step.to_string(),
                asset.to_string(),
                outcome(step),
                attempts.clone(),
                took.clone(),
                sum(|stored| stored.rows).map_or_else(String::new, |rows| rows.to_string()),
                sum(|stored| stored.bytes).map_or_else(String::new, bytes),
                stored.iter().find_map(|stored| stored.version).map_or_else(String::new, |version| version.to_string()),
            ];
            if any_partitions {
                row.insert(2, partitions(slice));
            }
            row
        })
    });
    let mut header = vec!["step", "asset", "", "attempts", "time", "rows", "size", "version"];
    if any_partitions {
        header.insert(2, "partitions");
    }
    narrow_table(&header, rows, &["version", "attempts"])
}

fn outcome(step: &StepDetail) -> String {
    match (step.status, &step.reason) {
        (StepState::Skipped, Some(SkipReason::UpstreamFailed { asset })) => format!("skipped: `{asset}` failed"),
        (StepState::Skipped, Some(SkipReason::Unchanged)) => "skipped: unchanged".to_owned(),
        (StepState::Skipped, Some(SkipReason::Superseded)) => "skipped: a later run stored it".to_owned(),
        (status, _) => status.name().to_owned(),
    }
}

fn name(step: &StepDetail) -> String {
    step.assets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
