//! `logs`: what did the steps of a run write?

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tracing::level_filters::LevelFilter;

use super::units::level;
use super::{EXIT_OK, Ended, Shell, print, print_json, printed};
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::lakehouse::{RunDetail, runtime};
use crate::state::LogLine;

/// Show what the steps of a run wrote
///
/// That is what they traced and what was printed while they ran. What is printed while several steps run belongs to none of them.
#[derive(Args)]
#[command(after_long_help = "Examples:
  logs 3f9c2a7be1d04586
  logs 3f9 --follow                    until the run has ended
  logs 3f9 --step orders --level warn  warnings and errors of one step")]
pub(super) struct Logs {
    /// The run, or the beginning of its name
    run: String,
    /// Only of this step, by its number or by the asset that it makes
    #[arg(long, value_name = "STEP|ASSET")]
    step: Option<String>,
    /// Also what is still to come, until the run has ended
    #[arg(short, long)]
    follow: bool,
    /// Only what is as grave as this: `error`, `warn`, `info`, `debug`, `trace`; what was printed counts as `info`
    #[arg(long, value_name = "LEVEL", default_value = "trace", value_parser = level)]
    level: LevelFilter,
}

impl Logs {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let detail = lakehouse.run_detail(&self.run)?;
        let steps = self.step.as_deref().map(|step| steps(&detail, step)).transpose()?;
        let wanted = |line: &LogLine| {
            let of_step = steps.as_ref().is_none_or(|steps| line.step.is_some_and(|step| steps.contains(&step)));
            // What is printed has no level.
            of_step && line.level.parse().unwrap_or(LevelFilter::INFO) <= self.level
        };
        let run = detail.record.run.as_str();
        let mut kept = Vec::new();
        let unread = Notify::new();
        let show = |line: LogLine| {
            if !wanted(&line) {
                return;
            }
            match (as_json, self.follow) {
                (false, _) => print(&to_text(&line, &detail)),
                // Nobody knows when it ends, so each line is a document.
                (true, true) => {
                    let mut line = to_json(&line, &detail);
                    line["v"] = 1.into();
                    print(&line.to_string());
                }
                (true, false) => kept.push(to_json(&line, &detail)),
            }
            if printed::is_lost() {
                unread.notify_one();
            }
        };
        runtime()?.block_on(async {
            tokio::select! {
                done = lakehouse.each_line(run, self.follow, show) => done,
                // Who would read the rest has left, as `head` does, however long the run goes on.
                () = unread.notified() => Ok(()),
            }
        })?;
        if as_json && !self.follow {
            print_json(&json!({ "v": 1, "run": run, "lines": kept }));
        }
        Ok(EXIT_OK)
    }
}

/// The steps that are meant.
fn steps(detail: &RunDetail, wanted: &str) -> Result<BTreeSet<usize>> {
    if let Some(step) = wanted.parse().ok().filter(|step| *step < detail.steps.len()) {
        return Ok(BTreeSet::from([step]));
    }
    let all = || detail.steps.iter().flat_map(|step| step.assets.iter().map(move |asset| (step.step, asset.to_string())));
    let found: BTreeSet<usize> = all().filter(|(_, asset)| asset == wanted).map(|(step, _)| step).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = all().map(|(_, asset)| asset).collect();
    let message = format!("the run `{}` has no step `{wanted}`", detail.record.run);
    let help = known_names(wanted, "assets", names.iter().map(String::as_str));
    Err(Error::new(ErrorKind::Selection, message).help(help))
}

fn name(line: &LogLine, detail: &RunDetail) -> Option<String> {
    let step = detail.steps.get(line.step?)?;
    Some(step.assets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

fn to_text(line: &LogLine, detail: &RunDetail) -> String {
    let at = line.at.strftime("%H:%M:%S%.3f");
    let name = name(line, detail).unwrap_or_else(|| "-".to_owned());
    let printed = matches!(line.level.as_str(), "OUT" | "ERR");
    let target = if printed { String::new() } else { format!("{}: ", line.target) };
    format!("{at} {:<5} {name:<16} {target}{}", line.level, line.text)
}

fn to_json(line: &LogLine, detail: &RunDetail) -> Value {
    json!({
        "step": line.step,
        "asset": name(line, detail),
        "at": line.at,
        "level": line.level,
        "target": line.target,
        "text": line.text,
    })
}
