//! `asset optimize`: small files become larger ones.

use clap::Args;

use super::super::units::bytes as size;
use super::super::{Ended, Shell};
use super::Which;
use crate::io::Maintenance;
use crate::report::bytes;

/// Make small files of a table into larger ones
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset optimize orders
  asset optimize orders --target-size 128MiB")]
pub(in super::super) struct Optimize {
    #[command(flatten)]
    which: Which,
    /// About how many bytes a file has afterwards: `128MiB`
    #[arg(long, value_name = "BYTES", value_parser = size)]
    target_size: Option<u64>,
}

impl Optimize {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        self.which.maintain(shell, Maintenance::Optimize { target_bytes: self.target_size }, |asset, done| {
            if !done.changed {
                return format!("{}: nothing to compact", asset.key);
            }
            let (came, size) = (done.added.len(), bytes(done.added.iter().map(|file| file.bytes).sum()));
            let version = done.version.unwrap_or_default();
            format!("{}: {} files became {came} of {size}, as version {version}", asset.key, done.removed.len())
        })
    }
}
