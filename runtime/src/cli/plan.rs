//! `plan`: what would a run do, and why?

use clap::Args;
use serde_json::json;

use super::partition_options::PartitionOptions;
use super::{EXIT_OK, Ended, Shell, joined, print, print_json};
use crate::exec::{Plan as Decided, StepDecision};
use crate::lakehouse::runtime;
use crate::report::{partitions, table};
use crate::slice::Slice;

/// Show what a run would do, step by step, and why
#[derive(Args)]
#[command(after_long_help = "Examples:
  plan                                        a run of everything, and what has changed
  plan 'orders+' --changed                    what `materialize 'orders+' --changed` would do
  plan orders --partitions 2026-01-01..2026-01-31 --json")]
pub(super) struct Plan {
    /// Only these, for example `iris_cleaned+`; everything if absent
    selection: Vec<String>,
    #[command(flatten)]
    partitions: PartitionOptions,
    /// Leave out what has not changed
    #[arg(long)]
    changed: bool,
}

impl Plan {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let (selection, choice) = (joined(&self.selection)?, self.partitions.choice()?);
        let (plan, decisions) = runtime()?.block_on(async {
            let plan = if self.changed {
                lakehouse.plan_changed(&selection, &choice).await?
            } else {
                lakehouse.plan_for(&selection, &choice)?
            };
            let decisions = lakehouse.explain(&plan).await?;
            Ok::<_, crate::Error>((plan, decisions))
        })?;
        if json {
            print_json(&to_json(&plan, &decisions));
        } else {
            print(&to_text(&plan, &decisions));
        }
        Ok(EXIT_OK)
    }
}

fn to_text(plan: &Decided, decisions: &[(usize, StepDecision)]) -> String {
    if plan.steps.is_empty() {
        return "nothing to do: there is no partition to make".to_owned();
    }
    let any_partitions = plan.steps.iter().flat_map(|step| &step.assets).any(|asset| asset.slice != Slice::Whole);
    let rows = plan.steps.iter().zip(decisions).flat_map(|(step, (number, decision))| {
        let (word, why) = match decision {
            StepDecision::WillRun { reasons } => ("runs", reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            StepDecision::Unchanged => ("unchanged", String::new()),
        };
        step.assets.iter().map(move |asset| {
            let mut row = vec![number.to_string(), asset.key.to_string(), word.to_owned(), why.clone()];
            if any_partitions {
                row.insert(2, partitions(&asset.slice));
            }
            row
        })
    });
    let mut header = vec!["step", "asset", "", "why"];
    if any_partitions {
        header.insert(2, "partitions");
    }
    let run = decisions.iter().filter(|(_, decision)| *decision != StepDecision::Unchanged).count();
    format!("{}\n{run} of {} steps run", table(&header, rows), plan.steps.len())
}

fn to_json(plan: &Decided, decisions: &[(usize, StepDecision)]) -> serde_json::Value {
    let steps: Vec<_> = plan
        .steps
        .iter()
        .zip(decisions)
        .map(|(step, (number, decision))| {
            let assets: Vec<_> = step.assets.iter().map(|asset| json!({ "asset": asset.key, "slice": asset.slice })).collect();
            let (runs, reasons) = match decision {
                StepDecision::WillRun { reasons } => (true, &reasons[..]),
                StepDecision::Unchanged => (false, &[][..]),
            };
            json!({ "step": number, "assets": assets, "after": step.after, "runs": runs, "reasons": reasons })
        })
        .collect();
    json!({ "v": 1, "at": plan.at, "changed": plan.changed, "steps": steps })
}
