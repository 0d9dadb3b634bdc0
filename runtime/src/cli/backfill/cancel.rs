//! `backfill cancel`: nothing else of it begins, and what runs ends.

use clap::Args;
use serde_json::json;

use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use super::find;

/// Ask a backfill to stop, wherever it is carried out
#[derive(Args)]
#[command(after_long_help = "Examples:
  backfill cancel 3f9c2a7be1d04586
  backfill cancel 3f9          an unambiguous beginning is enough")]
pub(in super::super) struct Cancel {
    /// The backfill, or the beginning of its name
    id: String,
}

impl Cancel {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let id = find(&lakehouse, Some(&self.id))?;
        let asked = lakehouse.cancel_backfill(&id)?;
        if as_json {
            print_json(&json!({ "v": 1, "backfill": id, "canceled": asked }));
        } else if asked {
            print(&format!("the backfill {id} was asked to stop; `backfill resume {id}` goes on with it"));
        } else {
            print(&format!("the backfill {id} is done"));
        }
        Ok(EXIT_OK)
    }
}
