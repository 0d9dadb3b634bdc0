//! `check`: are the definitions sound?

use clap::Args;

use super::{EXIT_OK, Ended, Shell, print, print_json};
use crate::lakehouse::runtime;

/// Check all definitions without running or touching anything
#[derive(Args)]
#[command(after_long_help = "Examples:
  check
  check --online   also every store")]
pub(super) struct Check {
    /// Also ask every store whether it can be reached and written to
    #[arg(long)]
    online: bool,
}

impl Check {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let json = shell.json;
        let lakehouse = shell.lakehouse()?;
        if self.online {
            runtime()?.block_on(lakehouse.probe())?;
        }
        let assets = lakehouse.graph().assets().len();
        if json {
            print_json(&serde_json::json!({ "v": 1, "assets": assets, "fingerprint": lakehouse.graph().fingerprint() }));
        } else {
            let stores = if self.online { ", and every store can be written to" } else { "" };
            print(&format!("{assets} assets, no mistakes{stores}"));
        }
        Ok(EXIT_OK)
    }
}
