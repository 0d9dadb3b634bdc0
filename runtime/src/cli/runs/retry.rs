//! `runs retry`: a run is done again, or what failed of it.

use clap::Args;

use super::super::front::{Front, on_threads};
use super::super::materialize::How;
use super::super::{Ended, Shell};
use crate::env::unique_id;
use crate::exec::SystemEnv;
use crate::lakehouse::RunOptions;

/// Do a run again, or only what failed of it
///
/// Without `--failed` it is a new run of the same assets and partitions, of which everything is made anew.
#[derive(Args)]
#[command(after_long_help = "Examples:
  runs retry 3f9c2a7be1d04586 --failed   what failed, and what was skipped because of it, within the same run
  runs retry 3f9                         everything, as a new run")]
pub(in super::super) struct Retry {
    /// The run, or the beginning of its name
    run: String,
    /// Only the steps that failed, and those that were skipped because of them, within the same run
    #[arg(long)]
    failed: bool,
    #[command(flatten)]
    how: How,
}

impl Retry {
    pub(super) fn run(self, mut shell: Shell) -> Result<u8, Ended> {
        let front = Front::new(shell.json);
        shell.builder = self.how.configure(front.listen(shell.builder));
        let lakehouse = shell.lakehouse()?;
        let (record, _) = lakehouse.find_run(&self.run)?;
        on_threads(|runtime| -> Result<u8, Ended> {
            let report = if self.failed {
                front.goes_on(&lakehouse, &record.run)?;
                front.carry_out(runtime, &lakehouse, &record.run, self.how.logs, |interrupt| {
                    lakehouse.retry_failed(&record.run, interrupt)
                })?
            } else {
                let plan = lakehouse.plan_of(&record.run)?;
                let run = unique_id(&SystemEnv::new());
                let mut options = RunOptions::new().id(&run);
                if let Some(selection) = &record.about.selection {
                    options = options.selection(selection);
                }
                for (name, value) in &record.about.tags {
                    options = options.tag(name, value);
                }
                front.carry_out(runtime, &lakehouse, &run, self.how.logs, |interrupt| {
                    lakehouse.run_with(plan, options.interrupt(interrupt))
                })?
            };
            Ok(front.end(runtime, &lakehouse, &report, false))
        })?
    }
}
