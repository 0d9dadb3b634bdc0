//! `asset vacuum`: files that nobody needs are listed, and removed if asked to.

use std::time::Duration;

use clap::Args;

use super::super::units::duration;
use super::super::{Ended, Shell};
use super::Which;
use crate::io::{self, Maintenance};
use crate::report::bytes;

/// List files that no version within the retention needs, and remove them with `--apply`
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset vacuum orders                            what would be removed
  asset vacuum orders --older-than 30d --apply")]
pub(in super::super) struct Vacuum {
    #[command(flatten)]
    which: Which,
    /// How long they have been of no use: `7d`, `36h`, `90m` [default: what the table says, else 7d]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    older_than: Option<Duration>,
    /// Allow a shorter time than the table says, if nobody reads or writes it
    #[arg(long)]
    force: bool,
    /// Remove them
    #[arg(long)]
    apply: bool,
}

impl Vacuum {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let Self { which, older_than, force, apply } = self;
        which.maintain(shell, Maintenance::Vacuum(io::Vacuum { older_than, force, apply }), |asset, done| {
            let (count, size) = (done.removed.len(), bytes(done.removed_bytes()));
            if count == 0 {
                return format!("{}: nothing to remove", asset.key);
            }
            let mut lines: Vec<String> =
                done.removed.iter().map(|file| format!("  {}  {}", file.path, bytes(file.bytes))).collect();
            lines.push(if apply {
                format!("{}: {count} files of {size} were removed", asset.key)
            } else {
                format!("{}: {count} files of {size} would be removed; `--apply` removes them", asset.key)
            });
            lines.join("\n")
        })
    }
}
