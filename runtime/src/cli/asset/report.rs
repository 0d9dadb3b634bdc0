//! `asset report`: somebody says that an asset is stored.

use clap::Args;
use serde_json::json;

use super::super::units::pair;
use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use super::{Part, changed, one};
use crate::lakehouse::runtime;
use crate::metadata::MetadataValue;

/// Record that an asset is stored, by other means than a run
///
/// The store is asked first whether it is there. From then on `--missing` leaves it out.
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset report orders --partition 2026-01-02 --metadata source=backup
  asset report orders --all-partitions
  asset report orders --partition 2026-01-02 --force    also if the store does not have it")]
pub(in super::super) struct Report {
    /// The key, or the name if only one asset has it
    asset: String,
    #[command(flatten)]
    part: Part,
    /// Attach something to the record; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// Do not ask the store
    #[arg(long)]
    force: bool,
}

impl Report {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let asset = one(&lakehouse, &self.asset)?;
        let choice = self.part.choice()?;
        let metadata = self.metadata.into_iter().map(|(name, value)| (name, MetadataValue::Text(value))).collect();
        let reported = runtime()?.block_on(lakehouse.report(&asset.key, &choice, metadata, self.force))?;
        if as_json {
            let (run, slice, partitions) = (reported.run, reported.slice, reported.partitions);
            print_json(&json!({ "v": 1, "asset": asset.key, "run": run, "reported": slice, "partitions": partitions }));
        } else {
            print(&changed(&asset, &reported, "recorded as stored"));
        }
        Ok(EXIT_OK)
    }
}
