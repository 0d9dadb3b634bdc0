//! `list`: which assets are there?

use clap::Args;

use super::{EXIT_OK, Ended, Shell, joined, print, print_json};
use crate::asset::AssetSpec;
use crate::lakehouse::Lakehouse;
use crate::report::table;

/// List the assets
#[derive(Args)]
#[command(after_long_help = "Examples:
  list
  list 'group:raw+'
  list --json")]
pub(super) struct List {
    /// Only these, for example `group:raw+`; everything if absent
    selection: Vec<String>,
}

impl List {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let assets = lakehouse.select(&joined(&self.selection)?)?;
        if json {
            let assets: Vec<_> = assets.iter().map(|asset| to_json(asset, &lakehouse)).collect();
            print_json(&serde_json::json!({ "v": 1, "assets": assets }));
        } else {
            let rows = assets.iter().map(|asset| {
                let made_from = asset.inputs.iter().map(|input| input.upstream.to_string()).collect::<Vec<_>>().join(", ");
                let store = lakehouse.store_key(&asset.key).unwrap_or_default();
                let store = if asset.is_external() { format!("{store} (external)") } else { store.to_owned() };
                let about = asset.description.as_deref().and_then(|about| about.lines().next()).unwrap_or_default();
                [asset.key.to_string(), store, asset.group.clone().unwrap_or_default(), made_from, about.to_owned()]
            });
            print(&table(&["asset", "store", "group", "made from", "about"], rows));
        }
        Ok(EXIT_OK)
    }
}

/// An asset as `--json` shows it.
pub(super) fn to_json(asset: &AssetSpec, lakehouse: &Lakehouse) -> serde_json::Value {
    let tags: serde_json::Map<_, _> = asset.tags.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    let metadata: serde_json::Map<_, _> =
        asset.metadata.iter().map(|(name, value)| (name.clone(), serde_json::json!(value))).collect();
    serde_json::json!({
        "key": asset.key,
        "aliases": asset.aliases,
        "source": asset.source.to_string(),
        "store": lakehouse.store_key(&asset.key),
        "location": lakehouse.locate(&asset.key).ok().flatten().map(|location| location.to_string()),
        "external": asset.is_external(),
        "produces": asset.output.kind,
        "group": asset.group,
        "tags": tags,
        "owners": asset.owners,
        "kinds": asset.kinds,
        "description": asset.description,
        "code_version": asset.code_version,
        "partitions": asset.partitions.as_ref().map(|def| serde_json::json!({
            "name": def.name(),
            "dimensions": def.dimensions().iter().map(|one| serde_json::json!({ "name": one.name, "definition": one.definition })).collect::<Vec<_>>(),
        })),
        "partition_expr": asset.partition_expr.as_ref().map(ToString::to_string),
        "metadata": metadata,
        "upstream": asset.inputs.iter().map(|input| &input.upstream).collect::<Vec<_>>(),
    })
}
