//! `asset checkpoint`: the log of a table is summed up.

use clap::Args;

use super::super::{Ended, Shell};
use super::Which;
use crate::io::Maintenance;

/// Sum up the log of a table
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset checkpoint orders")]
pub(in super::super) struct Checkpoint {
    #[command(flatten)]
    which: Which,
}

impl Checkpoint {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        self.which.maintain(shell, Maintenance::Checkpoint, |asset, done| {
            format!("{}: the log is summed up to version {}", asset.key, done.version.unwrap_or_default())
        })
    }
}
