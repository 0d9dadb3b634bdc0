//! `gc`: what is old goes from the log.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::units::duration;
use super::{EXIT_OK, Ended, Shell, print, print_json};
use crate::lakehouse::runtime;

/// Remove from the log the runs that ended long ago
///
/// Their events go, and what their steps wrote, but for what says what is stored now. Runs of a backfill that is not done stay. No number of a
/// commit is ever given again. What is stored is not touched: files of a table that nobody needs are removed by `asset vacuum`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gc --dry-run
  gc --older-than 30d")]
pub(super) struct Gc {
    /// How long ago they ended: `30d`, `36h`
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = duration)]
    older_than: Duration,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

impl Gc {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let collected = if self.dry_run {
            lakehouse.would_collect(self.older_than)?
        } else {
            runtime()?.block_on(lakehouse.close_lost_runs())?;
            lakehouse.collect(self.older_than)?
        };
        if as_json {
            print_json(&json!({ "v": 1, "removed": collected, "dry_run": self.dry_run }));
        } else {
            let would = if self.dry_run { "would be removed; without `--dry-run` they are" } else { "were removed" };
            let (runs, events, lines) = (collected.runs, collected.events, collected.lines);
            print(&format!("{runs} runs with {events} events and {lines} lines of output {would}"));
        }
        Ok(EXIT_OK)
    }
}
