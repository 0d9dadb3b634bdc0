//! `backfill list`: which have there been?

use clap::Args;
use serde_json::json;

use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use super::{moment, to_json};
use crate::report::narrow_table;

/// List backfills, newest first
#[derive(Args)]
#[command(after_long_help = "Examples:
  backfill list
  backfill list --json")]
pub(in super::super) struct List {
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
}

impl List {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let mut found = Vec::new();
        for backfill in lakehouse.backfills(self.limit)? {
            found.push(lakehouse.backfill_status(&backfill.id)?);
        }
        if as_json {
            let all = found.iter().map(|status| {
                let mut json = to_json(&status.backfill);
                json["status"] = json!(status.outcome());
                json["counts"] = json!({ "runs": status.counts(), "partitions": status.partition_counts() });
                json
            });
            print_json(&json!({ "v": 1, "backfills": all.collect::<Vec<_>>() }));
            return Ok(EXIT_OK);
        }
        if found.is_empty() {
            print("no backfills");
            return Ok(EXIT_OK);
        }
        let rows = found.iter().map(|status| {
            let (backfill, counts) = (&status.backfill, status.counts());
            let failed = if counts.failed == 0 { String::new() } else { counts.failed.to_string() };
            [
                backfill.id.clone(),
                status.outcome().name().to_owned(),
                moment(backfill.at),
                format!("{} of {}", counts.done, counts.total),
                failed,
                backfill.selection.clone(),
                backfill.choice.clone(),
            ]
        });
        let header = ["backfill", "status", "made", "runs", "failed", "for", "partitions"];
        print(&narrow_table(&header, rows, &["made"]));
        Ok(EXIT_OK)
    }
}
