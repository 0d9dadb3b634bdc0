//! `materialize`: compute assets and store them.

use std::time::Duration;

use clap::Args;
use tracing::level_filters::LevelFilter;

use super::front::{Front, on_threads};
use super::partition_options::PartitionOptions;
use super::units::{bytes, counted, duration, level, pair};
use super::{Ended, Shell, check_preview, joined};
use crate::env::unique_id;
use crate::exec::SystemEnv;
use crate::lakehouse::{LakehouseBuilder, RunOptions};

/// Compute assets and store them
#[derive(Args)]
#[command(after_long_help = "Examples:
  materialize                                     everything
  materialize 'iris_cleaned+'                     an asset, and what is made from it directly
  materialize orders --partition 2026-01-02       one partition
  materialize 'orders*' --missing --tag why=late  what no run has made, with a tag by which `runs list` finds it
  materialize --changed                           only what is made from something else than before
  materialize --retries 3 --timeout 30m --pool api=2

Ctrl-C finishes what has begun and begins nothing else; a second one stops at once. On unix, a SIGTERM cancels. Either way `runs resume`
goes on with the rest.")]
pub(super) struct Materialize {
    /// Only these, for example `iris_cleaned+`; everything if absent
    selection: Vec<String>,
    #[command(flatten)]
    partitions: PartitionOptions,
    /// Leave out what has not changed: the same code, configuration and inputs. `plan --changed` says what that is
    #[arg(long)]
    changed: bool,
    /// Attach something that the run is found by; may be given several times
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
    /// Show the first rows of every table that was stored
    #[arg(long)]
    preview: bool,
}

/// How steps are run.
#[derive(Args)]
pub(super) struct How {
    /// How many steps run at once [default: the number of processors]
    #[arg(long, value_name = "STEPS")]
    parallelism: Option<usize>,
    /// How often a step that failed with an error that may pass is tried again, where its asset does not say
    #[arg(long, value_name = "TIMES")]
    retries: Option<u32>,
    /// How long an attempt at a step may take, where its asset does not say: `30m`, `2h`
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// How many bytes the steps that run at once may take, by the `memory` of their assets: `4GiB`
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    memory: Option<u64>,
    /// How many steps of a pool run at once, in all processes; may be given several times
    #[arg(long = "pool", value_name = "NAME=STEPS", value_parser = counted)]
    pools: Vec<(String, usize)>,
    /// What is kept of what steps write, for `logs`: what is traced at this level or above, and all that is printed; or `off`
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = level)]
    pub(super) logs: LevelFilter,
}

impl Materialize {
    pub(super) fn run(self, mut shell: Shell) -> Result<u8, Ended> {
        check_preview(self.preview, shell.json)?;
        let front = Front::new(shell.json);
        shell.builder = self.how.configure(front.listen(shell.builder));
        let lakehouse = shell.lakehouse()?;
        let selection = joined(&self.selection)?;
        let choice = self.partitions.choice()?;
        on_threads(|runtime| -> Result<u8, Ended> {
            let plan = if self.changed {
                runtime.block_on(lakehouse.plan_changed(&selection, &choice))?
            } else {
                lakehouse.plan_for(&selection, &choice)?
            };
            let run = unique_id(&SystemEnv::new());
            // One selection is shown as it was written.
            let written = if let [one] = &self.selection[..] { one } else { &selection };
            let options = RunOptions::new().id(&run).selection(written);
            let options = self.tags.iter().fold(options, |options, (name, value)| options.tag(name, value));
            let report = front.carry_out(runtime, &lakehouse, &run, self.how.logs, |interrupt| {
                lakehouse.run_with(plan, options.interrupt(interrupt))
            })?;
            Ok(front.end(runtime, &lakehouse, &report, self.preview))
        })?
    }
}

impl How {
    pub(super) fn configure(&self, mut builder: LakehouseBuilder) -> LakehouseBuilder {
        if let Some(steps) = self.parallelism {
            builder = builder.parallelism(steps);
        }
        if let Some(retries) = self.retries {
            builder = builder.retries(retries);
        }
        if let Some(timeout) = self.timeout {
            builder = builder.timeout(timeout);
        }
        if let Some(memory) = self.memory {
            builder = builder.memory_budget(memory);
        }
        self.pools.iter().fold(builder, |builder, (name, steps)| builder.pool(name, *steps))
    }
}
