//! `materialize`: compute assets and store them.

use std::sync::Arc;

use clap::Args;

use super::{EXIT_INTERRUPTED, EXIT_OK, EXIT_STEP_FAILED, Ended, Shell, complain, joined, print, print_json};
use crate::error::Result;
use crate::event::RunStatus;
use crate::exec::{Interrupt, PartitionChoice, RunReport, StepOutcome};
use crate::lakehouse::{Lakehouse, runtime};
use crate::report::{ConsoleReporter, preview_table, run_table};

/// Compute assets and store them
#[derive(Args)]
pub(super) struct Materialize {
    /// Only these, for example `iris_cleaned+`; everything if absent
    selection: Vec<String>,
    /// For this partition; may be given several times. `DIMENSION=KEY` means all with that key, and keys of several dimensions are
    /// combined
    #[arg(long, value_name = "KEY")]
    partition: Vec<String>,
    /// For the partitions from the first to the last, both included; may be given several times, and begin with `DIMENSION=`
    #[arg(long, value_name = "FIRST..LAST")]
    partitions: Vec<String>,
    /// For all partitions there are
    #[arg(long, conflicts_with_all = ["missing", "partition", "partitions"])]
    all_partitions: bool,
    /// For the partitions that no run has materialized
    #[arg(long, conflicts_with_all = ["partition", "partitions"])]
    missing: bool,
    /// How many steps run at once [default: the number of processors]
    #[arg(long, value_name = "STEPS")]
    parallelism: Option<usize>,
    /// Show the first rows of every table that was stored
    #[arg(long)]
    preview: bool,
}

/// How many rows a preview shows.
const PREVIEW_ROWS: usize = 5;

impl Materialize {
    pub(super) fn run(self, mut shell: Shell) -> Result<u8, Ended> {
        let json = shell.json;
        if !json {
            let reporter = Arc::new(ConsoleReporter::new());
            shell.builder = shell.builder.subscribe(move |event| reporter.event(event));
        }
        if let Some(steps) = self.parallelism {
            shell.builder = shell.builder.parallelism(steps);
        }
        let lakehouse = shell.lakehouse()?;
        let plan = lakehouse.plan_for(&joined(&self.selection), &self.choice()?)?;
        let runtime = runtime()?;
        let report = runtime.block_on(async {
            let interrupt = Interrupt::new();
            tokio::spawn(listen(interrupt.clone()));
            lakehouse.run(plan, interrupt).await
        })?;
        if json {
            print_json(&to_json(&report));
        } else {
            if report.steps.is_empty() {
                print("nothing to do: there is no partition to make");
            } else {
                print(&run_table(&report));
            }
            if self.preview
                && let Err(error) = runtime.block_on(show(&lakehouse, &report))
            {
                complain(&format!("no preview: {error}"));
            }
        }
        Ok(match report.status {
            RunStatus::Succeeded => EXIT_OK,
            RunStatus::Failed => EXIT_STEP_FAILED,
            RunStatus::Interrupted | RunStatus::Canceled => EXIT_INTERRUPTED,
        })
    }
}

impl Materialize {
    /// The partitions that the run is for.
    fn choice(&self) -> Result<PartitionChoice> {
        let choice = match (self.all_partitions, self.missing) {
            (true, _) => PartitionChoice::all(),
            (_, true) => PartitionChoice::missing(),
            _ => PartitionChoice::none(),
        };
        let choice = self.partition.iter().fold(choice, PartitionChoice::key);
        self.partitions.iter().try_fold(choice, |choice, range| choice.parse_range(range))
    }
}

/// The first Ctrl-C lets what has begun finish, the second stops at once.
async fn listen(interrupt: Interrupt) {
    if tokio::signal::ctrl_c().await.is_ok() {
        complain("interrupted: what has begun is finished, nothing else begins; Ctrl-C again stops at once");
        interrupt.raise();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(EXIT_INTERRUPTED.into());
        }
    }
}

async fn show(lakehouse: &Lakehouse, report: &RunReport) -> Result<()> {
    for stored in report.materializations() {
        if let Some(preview) = lakehouse.preview(&stored.asset, PREVIEW_ROWS).await? {
            print(&format!("\n{}\n{}", stored.asset, preview_table(&preview)));
        }
    }
    Ok(())
}

fn to_json(report: &RunReport) -> serde_json::Value {
    let steps: Vec<_> = report
        .steps
        .iter()
        .map(|step| {
            let mut json = serde_json::json!({ "assets": step.assets, "materializations": step.materializations });
            match &step.outcome {
                StepOutcome::Succeeded(durations) => {
                    json["outcome"] = "succeeded".into();
                    json["durations"] = serde_json::json!(durations);
                }
                StepOutcome::Failed(failure) => {
                    json["outcome"] = "failed".into();
                    json["failure"] = serde_json::json!(failure);
                }
                StepOutcome::Skipped(reason) => {
                    json["outcome"] = "skipped".into();
                    json["reason"] = serde_json::json!(reason);
                }
            }
            json
        })
        .collect();
    serde_json::json!({ "v": 1, "run": report.run, "status": report.status, "elapsed": report.elapsed, "steps": steps })
}
