//! `partitions`: which are there, and which keys does a dynamic set have?

use clap::{Args, Subcommand, ValueEnum};

use super::{EXIT_OK, Ended, Shell, print, print_json};
use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::lakehouse::{Lakehouse, runtime};
use crate::partition::{KeySet, Window};
use crate::report::table;
use crate::state::PartitionStatus;

/// Look at partitions
#[derive(Subcommand)]
pub(super) enum Partitions {
    /// List the partitions of an asset, and what became of each
    List(List),
    /// Add keys to a dynamic set of partitions
    Add(Change),
    /// Remove keys from a dynamic set of partitions; what is stored for them stays
    Remove(Change),
}

/// List the partitions of an asset, and what became of each
#[derive(Args)]
#[command(after_long_help = "Examples:
  partitions list orders
  partitions list orders --status missing --json")]
pub(super) struct List {
    /// The key, or the name if only one asset has it
    asset: String,
    /// Only those with this status
    #[arg(long, value_name = "STATUS")]
    status: Option<Status>,
}

/// Change a dynamic set
#[derive(Args)]
#[command(after_long_help = "Examples:
  partitions add Region north south
  partitions remove Region south")]
pub(super) struct Change {
    /// The name of the set, which is that of its definition unless that says otherwise
    #[arg(value_name = "SET")]
    name: String,
    /// The keys
    #[arg(required = true)]
    keys: Vec<String>,
}

/// What became of a partition.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    /// It is stored
    Materialized,
    /// The last run that was to store it failed
    Failed,
    /// Nothing is stored
    Missing,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Materialized => "materialized",
            Self::Failed => "failed",
            Self::Missing => "missing",
        }
    }
}

impl Partitions {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        match self {
            Self::List(list) => list.run(shell),
            Self::Add(change) => change.run(shell, true),
            Self::Remove(change) => change.run(shell, false),
        }
    }
}

/// A partition as it is shown.
struct Shown {
    key: String,
    window: Option<Window>,
    status: Status,
}

impl List {
    fn run(self, shell: Shell) -> Result<u8, Ended> {
        let json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let selected = lakehouse.select(&self.asset)?;
        let [asset] = &selected[..] else {
            let message = format!("`{}` selects {} assets, and the partitions of one are listed", self.asset, selected.len());
            return Err(Error::new(ErrorKind::Selection, message).help("name one asset").into());
        };
        let shown = self.shown(asset, &lakehouse)?;
        if json {
            print_json(&to_json(asset, &shown));
        } else {
            let rows = shown.iter().map(|one| {
                let window = one.window.as_ref().map_or_else(String::new, |window| format!("{} to {}", window.start, window.end));
                [one.key.clone(), one.status.name().to_owned(), window]
            });
            print(&table(&["partition", "status", "window"], rows));
        }
        Ok(EXIT_OK)
    }

    fn shown(&self, asset: &AssetSpec, lakehouse: &Lakehouse) -> Result<Vec<Shown>> {
        let stored: KeySet = runtime()?.block_on(lakehouse.stored_partitions(&asset.key))?;
        let failed = lakehouse.recorded_partitions(&asset.key, PartitionStatus::Failed)?;
        let space = stored.space();
        let status = |index: u64| {
            if failed.contains(index) {
                Status::Failed
            } else if stored.contains(index) {
                Status::Materialized
            } else {
                Status::Missing
            }
        };
        // One dimension of time has a window; several dimensions have several answers, which their keys give.
        let time = (space.axes().len() == 1).then(|| &space.axes()[0]).filter(|axis| axis.time().is_some());
        let one = |index: u64| Shown {
            key: space.key(index).to_string(),
            window: time.and_then(|axis| axis.window(index)),
            status: status(index),
        };
        let all = space.all();
        let wanted = |index: &u64| self.status.is_none_or(|wanted| wanted == status(*index));
        Ok(all.indices().filter(wanted).map(one).collect())
    }
}

fn to_json(asset: &AssetSpec, shown: &[Shown]) -> serde_json::Value {
    let partitions: Vec<_> = shown
        .iter()
        .map(|one| {
            let mut json = serde_json::json!({ "key": one.key, "status": one.status.name() });
            if let Some(window) = &one.window {
                json["start"] = window.start.to_string().into();
                json["end"] = window.end.to_string().into();
            }
            json
        })
        .collect();
    let definition = asset.partitions.as_ref().map(|def| def.name().to_owned());
    serde_json::json!({ "v": 1, "asset": asset.key, "definition": definition, "partitions": partitions })
}

impl Change {
    fn run(self, shell: Shell, add: bool) -> Result<u8, Ended> {
        let json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let changed = if add {
            lakehouse.add_partitions(&self.name, &self.keys)?
        } else {
            lakehouse.remove_partitions(&self.name, &self.keys)?
        };
        let (what, not) = if add { ("added", "was there") } else { ("removed", "was not there") };
        if json {
            print_json(&serde_json::json!({ "v": 1, "set": self.name, what: changed }));
            return Ok(EXIT_OK);
        }
        for key in &self.keys {
            print(&if changed.contains(key) { format!("{what} {key}") } else { format!("{key} {not}") });
        }
        Ok(EXIT_OK)
    }
}
