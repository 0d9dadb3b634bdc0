//! `runs list`: which runs have there been?

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::super::units::pair;
use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use super::{moment, purpose, tags, to_json};
use crate::lakehouse::RunFilter;
use crate::report::{duration, narrow_table};
use crate::state::RunState;

/// List runs, the one that began last first
#[derive(Args)]
#[command(after_long_help = "Examples:
  runs list
  runs list --open                          those that go on, or whose process ended without a word
  runs list --status failed --limit 5
  runs list --tag ticket=OPS-17 --json")]
pub(in super::super) struct List {
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
    /// Only those that have not said how they ended: they go on, or their process is gone
    #[arg(long)]
    open: bool,
    /// Only those with this tag; may be given several times
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    /// Only those that are this far
    #[arg(long, value_name = "STATUS", value_parser = PossibleValuesParser::new(RunState::NAMES.map(|(name, _)| name)))]
    status: Option<String>,
}

impl List {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let mut filter =
            self.tags.into_iter().fold(RunFilter::new().limit(self.limit), |filter, (name, value)| filter.tag(name, value));
        if self.open {
            filter = filter.open();
        }
        if let Some((_, state)) = RunState::NAMES.into_iter().find(|(name, _)| Some(*name) == self.status.as_deref()) {
            filter = filter.status(state);
        }
        let found = lakehouse.find_runs(&filter)?;
        if json {
            let runs: Vec<_> = found.iter().map(|(record, status)| to_json(record, *status)).collect();
            print_json(&serde_json::json!({ "v": 1, "runs": runs }));
            return Ok(EXIT_OK);
        }
        if found.is_empty() {
            print("no runs");
            return Ok(EXIT_OK);
        }
        let rows = found.iter().map(|(record, status)| {
            let took = record.finished.map(|finished| duration(finished.duration_since(record.started)));
            let steps = format!("{} of {}", record.succeeded, record.steps);
            let failed = if record.failed == 0 { String::new() } else { record.failed.to_string() };
            let (began, took) = (moment(record.started), took.unwrap_or_default());
            [record.run.clone(), status.name().to_owned(), began, took, steps, failed, purpose(record), tags(record)]
        });
        let header = ["run", "status", "began", "took", "done", "failed", "for", "tags"];
        print(&narrow_table(&header, rows, &["tags", "began"]));
        Ok(EXIT_OK)
    }
}
