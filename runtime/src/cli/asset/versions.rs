//! `asset versions`: the versions of a table.

use clap::Args;

use super::super::{Ended, Shell};
use super::Which;
use crate::io::Maintenance;
use crate::report::table;

/// List the newest versions of a table
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset versions orders
  asset versions orders --most 3 --json")]
pub(in super::super) struct Versions {
    #[command(flatten)]
    which: Which,
    /// How many
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    most: usize,
}

impl Versions {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        self.which.maintain(shell, Maintenance::History { most: self.most }, |_, done| {
            let rows = done.history.iter().map(|past| {
                let at = past.at.map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                vec![past.version.to_string(), at.unwrap_or_default(), text(&past.operation), text(&past.slice), text(&past.run)]
            });
            table(&["version", "made", "by", "slice", "run"], rows)
        })
    }
}
