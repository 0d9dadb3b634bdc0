//! `asset history`: what was stored, removed and reported of an asset?

use clap::Args;
use serde_json::{Value, json};

use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use super::one;
use crate::event::{Event, EventKind};
use crate::key::AssetKey;
use crate::report::{bytes, partitions, table};
use crate::slice::Slice;

/// List what was stored, removed and reported of an asset, newest first
///
/// Also under keys that the asset had before (`alias`). The versions of its table are another thing: `asset versions`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset history orders
  asset history orders --limit 3 --json")]
pub(in super::super) struct History {
    /// The key, or the name if only one asset has it
    asset: String,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
}

/// An event of an asset as it is shown.
struct Told<'e> {
    what: &'static str,
    asset: &'e AssetKey,
    slice: &'e Slice,
    rows: Option<u64>,
    bytes: Option<u64>,
    version: Option<i64>,
}

impl History {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let asset = one(&lakehouse, &self.asset)?;
        let events = lakehouse.history(&asset.key, u64::MAX, self.limit)?;
        if as_json {
            let told: Vec<_> = events.iter().map(to_json).collect();
            print_json(&json!({ "v": 1, "asset": asset.key, "history": told }));
            return Ok(EXIT_OK);
        }
        if events.is_empty() {
            print(&format!("{}: nothing was recorded yet", asset.key));
            return Ok(EXIT_OK);
        }
        let told: Vec<_> = events.iter().filter_map(|event| Some((event, Told::of(&event.kind)?))).collect();
        let any_partitions = told.iter().any(|(_, told)| *told.slice != Slice::Whole);
        let rows = told.iter().map(|(event, told)| {
            let earlier = if *told.asset == asset.key { String::new() } else { format!(" as `{}`", told.asset) };
            let mut row = vec![
                event.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
                format!("{}{earlier}", told.what),
                told.rows.map_or_else(String::new, |rows| rows.to_string()),
                told.bytes.map_or_else(String::new, bytes),
                told.version.map_or_else(String::new, |version| version.to_string()),
                event.run.clone(),
            ];
            if any_partitions {
                row.insert(1, partitions(told.slice));
            }
            row
        });
        let mut header = vec!["when", "", "rows", "size", "version", "run"];
        if any_partitions {
            header.insert(1, "partitions");
        }
        print(&table(&header, rows));
        Ok(EXIT_OK)
    }
}

impl<'e> Told<'e> {
    fn of(kind: &'e EventKind) -> Option<Self> {
        let (what, stored) = match kind {
            EventKind::Materialized { materialization, .. } => ("materialized", materialization),
            EventKind::Reconciled { materialization, .. } => ("found", materialization),
            EventKind::Reported { asset, slice, .. } => {
                return Some(Self { what: "reported", asset, slice, rows: None, bytes: None, version: None });
            }
            EventKind::Wiped { asset, slice } => {
                return Some(Self { what: "wiped", asset, slice, rows: None, bytes: None, version: None });
            }
            _ => return None,
        };
        let (rows, bytes, version) = (stored.rows, stored.bytes, stored.version);
        Some(Self { what, asset: &stored.asset, slice: &stored.slice, rows, bytes, version })
    }
}

fn to_json(event: &Event) -> Value {
    let mut json = json!(event);
    // The envelope has a version of its own, which is not that of this output.
    if let Value::Object(fields) = &mut json {
        fields.remove("v");
    }
    json
}
