//! `asset restore`: an earlier version becomes the newest.

use clap::Args;

use super::super::{Ended, Shell};
use super::Which;
use crate::io::Maintenance;

/// Make an earlier version of a table the newest
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset versions orders             which there are
  asset restore orders --version 3")]
pub(in super::super) struct Restore {
    #[command(flatten)]
    which: Which,
    /// The version, as `asset versions` lists it
    #[arg(long)]
    version: i64,
}

impl Restore {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let version = self.version;
        self.which.maintain(shell, Maintenance::Restore { version }, |asset, done| {
            let now = done.version.unwrap_or_default();
            if done.changed {
                format!("{}: version {version} is back, as version {now}", asset.key)
            } else {
                format!("{}: it has the rows of version {version} already, as version {now}", asset.key)
            }
        })
    }
}
