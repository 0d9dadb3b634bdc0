//! `asset wipe`: what is stored of an asset is removed.

use clap::Args;
use serde_json::json;

use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use super::{Part, changed, one};
use crate::error::{Error, ErrorKind};
use crate::lakehouse::runtime;

/// Remove what is stored of an asset, and record that it is gone
///
/// It is a run of its own, so nobody else makes the same in the meantime. What is one table changes atomically; where each partition is a
/// file of its own, each of them does. Of Delta, only partitions in one table are removed, and `asset restore` brings them back.
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset wipe orders --yes                             an asset without partitions
  asset wipe orders --partition 2026-01-02 --yes
  asset wipe orders --partitions 2026-01-01..2026-01-31 --yes
  asset wipe orders --all-partitions --yes")]
pub(in super::super) struct Wipe {
    /// The key, or the name if only one asset has it
    asset: String,
    #[command(flatten)]
    part: Part,
    /// Do it
    #[arg(long)]
    yes: bool,
}

impl Wipe {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let asset = one(&lakehouse, &self.asset)?;
        let choice = self.part.choice()?;
        if !self.yes {
            let message = format!("what is stored of `{}` would be removed", asset.key);
            return Err(Error::new(ErrorKind::Selection, message).help("add `--yes` if that is what you want").into());
        }
        let wiped = runtime()?.block_on(lakehouse.wipe(&asset.key, &choice))?;
        if as_json {
            print_json(
                &json!({ "v": 1, "asset": asset.key, "run": wiped.run, "wiped": wiped.slice, "partitions": wiped.partitions }),
            );
        } else {
            print(&changed(&asset, &wiped, "removed"));
        }
        Ok(EXIT_OK)
    }
}
