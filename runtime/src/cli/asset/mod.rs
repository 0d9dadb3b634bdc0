//! `asset …`: one asset, and what is stored for it.

mod checkpoint;
mod history;
mod optimize;
mod preview;
mod report;
mod restore;
mod show;
mod vacuum;
mod versions;
mod wipe;

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{EXIT_OK, Ended, Shell, print, print_json};
use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::PartitionChoice;
use crate::io::{Maintained, Maintenance};
use crate::lakehouse::{Changed, Lakehouse, runtime};
use crate::report::partitions;

/// Look at one asset, and look after what is stored for it
#[derive(Subcommand)]
pub(super) enum Asset {
    /// Show what it is and what is stored for it
    Show(show::Show),
    /// Show the first rows of what is stored of it
    Preview(preview::Preview),
    /// List what was stored, removed and reported of it, newest first
    History(history::History),
    /// Remove what is stored of it
    Wipe(wipe::Wipe),
    /// Record that it is stored, by other means than a run
    Report(report::Report),
    /// List the newest versions of its table
    Versions(versions::Versions),
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
            Self::Preview(preview) => preview.run(shell),
            Self::History(history) => history.run(shell),
            Self::Wipe(wipe) => wipe.run(shell),
            Self::Report(report) => report.run(shell),
            Self::Versions(versions) => versions.run(shell),
            Self::Optimize(optimize) => optimize.run(shell),
            Self::Vacuum(vacuum) => vacuum.run(shell),
            Self::Checkpoint(checkpoint) => checkpoint.run(shell),
            Self::Restore(restore) => restore.run(shell),
        }
    }
}

/// Which partitions are meant.
#[derive(Args)]
struct Part {
    /// This partition; may be given several times. `DIMENSION=KEY` means all with that key
    #[arg(long, value_name = "KEY")]
    partition: Vec<String>,
    /// The partitions from the first to the last, both included; may be given several times, and begin with `DIMENSION=`
    #[arg(long, value_name = "FIRST..LAST")]
    partitions: Vec<String>,
    /// All partitions there are
    #[arg(long, conflicts_with_all = ["partition", "partitions"])]
    all_partitions: bool,
}

impl Part {
    fn choice(&self) -> Result<PartitionChoice> {
        let choice = if self.all_partitions { PartitionChoice::all() } else { PartitionChoice::none() };
        let choice = self.partition.iter().fold(choice, PartitionChoice::key);
        self.partitions.iter().try_fold(choice, |choice, range| choice.parse_range(range))
    }
}

/// What was changed, in words.
fn changed(asset: &AssetSpec, changed: &Changed, did: &str) -> String {
    match (&changed.slice, changed.partitions) {
        (None, _) => format!("{}: there was nothing to do", asset.key),
        (Some(_), None) => format!("{}: {did}", asset.key),
        (Some(slice), Some(1)) => format!("{} [{}]: {did}", asset.key, partitions(slice)),
        (Some(slice), Some(count)) => format!("{} [{}]: {count} partitions were {did}", asset.key, partitions(slice)),
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
