//! `runs cancel`: a run is asked to stop.

use clap::Args;
use serde_json::json;

use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use crate::state::RunState;

/// Ask a run to stop, wherever it is carried out
///
/// It hears of it within seconds: async bodies end where they wait, blocking ones are waited for, and `runs resume` goes on with the rest.
#[derive(Args)]
#[command(after_long_help = "Examples:
  runs cancel 3f9c2a7be1d04586
  runs cancel 3f9          an unambiguous beginning is enough")]
pub(in super::super) struct Cancel {
    /// The run, or the beginning of its name
    run: String,
}

impl Cancel {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let (record, status) = lakehouse.find_run(&self.run)?;
        let run = record.run.as_str();
        let asked = lakehouse.cancel_run(run)? && status == RunState::Running;
        if as_json {
            print_json(&json!({ "v": 1, "run": run, "canceled": asked, "status": status }));
        } else if asked {
            print(&format!("the run `{run}` was asked to stop; `runs resume {run}` goes on with it"));
        } else {
            print(&format!("the run `{run}` does not go on: {}", status.name()));
        }
        Ok(EXIT_OK)
    }
}
