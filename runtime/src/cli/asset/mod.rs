//! `asset …`: one asset, and what is stored for it.

mod checkpoint;
mod history;
mod optimize;
mod restore;
mod show;
mod vacuum;

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{EXIT_OK, Ended, Shell, print, print_json};
use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::io::{Maintained, Maintenance};
use crate::lakehouse::{Lakehouse, runtime};

/// Look at one asset, and look after what is stored for it
#[derive(Subcommand)]
pub(super) enum Asset {
    /// Show what it is and what is stored for it
    Show(show::Show),
    /// List the newest versions of its table
    History(history::History),
    /// Make small files of its table into larger ones
    Optimize(optimize::Optimize),
    /// List files that no version within the retention needs, and remove them with `--apply`
    Vacuum(vacuum::Vacuum),
    /// Sum up the log of its table
    Checkpoint(checkpoint::Checkpoint),
    /// Make an earlier version of its table the newest
    Restore(restore::Restore),
}

impl Asset {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        match self {
            Self::Show(show) => show.run(shell),
            Self::History(history) => history.run(shell),
            Self::Optimize(optimize) => optimize.run(shell),
            Self::Vacuum(vacuum) => vacuum.run(shell),
            Self::Checkpoint(checkpoint) => checkpoint.run(shell),
            Self::Restore(restore) => restore.run(shell),
        }
    }
}

/// Whose table is meant.
#[derive(Args)]
struct Which {
    /// The key, or the name if only one asset has it
    asset: String,
    /// The partition, where each is a table of its own
    #[arg(long, value_name = "KEY")]
    partition: Option<String>,
}

impl Which {
    /// Does it and shows what was done, as JSON or by these words.
    fn maintain(
        &self,
        shell: Shell,
        what: Maintenance,
        words: impl FnOnce(&AssetSpec, &Maintained) -> String,
    ) -> Result<u8, Ended> {
        let json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let asset = one(&lakehouse, &self.asset)?;
        let maintained = runtime()?.block_on(lakehouse.maintain(&asset.key, self.partition.as_deref(), what))?;
        if json {
            print_json(&serde_json::json!({ "v": 1, "asset": asset.key, "maintained": maintained }));
        } else {
            print(&words(&asset, &maintained));
        }
        Ok(EXIT_OK)
    }
}

/// The only asset that is selected.
fn one(lakehouse: &Lakehouse, selection: &str) -> Result<Arc<AssetSpec>> {
    let mut selected = lakehouse.select(selection)?;
    match selected.len() {
        1 => Ok(selected.remove(0)),
        many => {
            let message = format!("`{selection}` selects {many} assets, and one is shown at a time");
            Err(Error::new(ErrorKind::Selection, message).help("name one asset"))
        }
    }
}
