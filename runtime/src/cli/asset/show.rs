//! `asset show`: what is an asset, and what is stored for it?

use clap::Args;

use super::super::{EXIT_OK, Ended, Shell, check_preview, complain, list, print, print_json};
use super::one;
use crate::asset::AssetSpec;
use crate::io::Description;
use crate::lakehouse::{Lakehouse, runtime};
use crate::partition::KeySet;
use crate::report::{bytes, preview_table};

/// Show what an asset is and what is stored for it
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset show orders
  asset show orders --preview
  asset show orders --json")]
pub(in super::super) struct Show {
    /// The key, or the name if only one asset has it
    asset: String,
    /// Also show the first rows
    #[arg(long)]
    preview: bool,
}

impl Show {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let json = shell.json;
        check_preview(self.preview, json)?;
        let lakehouse = shell.lakehouse()?;
        let asset = one(&lakehouse, &self.asset)?;
        let runtime = runtime()?;
        let mut description = runtime.block_on(lakehouse.describe(&asset.key))?;
        let partitions = runtime.block_on(stored_partitions(&asset, &lakehouse));
        if let Some(stored) = &partitions {
            // Of partitions that are files of their own, only their folder was looked at.
            description.exists = !stored.is_empty();
        }
        if json {
            let mut shown = list::to_json(&asset, &lakehouse);
            shown["stored"] = serde_json::json!(description);
            let counts = |stored: &KeySet| serde_json::json!({ "stored": stored.len(), "all": stored.space().len() });
            shown["stored"]["partitions"] = partitions.as_ref().map(counts).into();
            print_json(&serde_json::json!({ "v": 1, "asset": shown }));
            return Ok(EXIT_OK);
        }
        print(&to_text(&asset, &description, partitions.as_ref(), &lakehouse));
        if self.preview
            && let Some(preview) = runtime.block_on(lakehouse.preview(&asset.key, 10))?
        {
            print(&preview_table(&preview));
        }
        Ok(EXIT_OK)
    }
}

/// Which of its partitions are stored; nothing for an asset without partitions, or if that cannot be told.
async fn stored_partitions(asset: &AssetSpec, lakehouse: &Lakehouse) -> Option<KeySet> {
    if asset.partitions.is_none() || !asset.is_stored() {
        return None;
    }
    match lakehouse.stored_partitions(&asset.key).await {
        Ok(stored) => Some(stored),
        Err(error) => {
            complain(&format!("which partitions of `{}` are stored cannot be told: {error}", asset.key));
            None
        }
    }
}

fn to_text(asset: &AssetSpec, stored: &Description, partitions: Option<&KeySet>, lakehouse: &Lakehouse) -> String {
    let mut lines = vec![asset.key.to_string()];
    let mut line = |name: &str, value: Option<String>| {
        lines.extend(value.filter(|value| !value.is_empty()).map(|value| format!("  {name:<16}{value}")));
    };
    let joined = |all: &[String]| Some(all.join(", "));
    line("about", asset.description.clone().map(|about| about.replace('\n', "\n                  ")));
    line("was before", Some(asset.aliases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
    line("defined at", Some(asset.source.to_string()));
    line("produces", Some(format!("{} ({})", asset.output.kind, asset.output.short_type_name())));
    line("store", lakehouse.store_key(&asset.key).map(str::to_owned));
    line("location", lakehouse.locate(&asset.key).ok().flatten().map(|location| location.to_string()));
    line("external", asset.is_external().then(|| "somebody else writes it".to_owned()));
    line("partitions", asset.partitions.as_ref().map(ToString::to_string));
    line("partitioned by", asset.partition_expr.as_ref().map(ToString::to_string));
    line("group", asset.group.clone());
    line("tags", Some(asset.tags.iter().map(tag).collect::<Vec<_>>().join(", ")));
    line("owners", joined(&asset.owners));
    line("kinds", joined(&asset.kinds));
    line("code version", asset.code_version.clone());
    for (name, value) in &asset.metadata {
        line(name, Some(value.to_string()));
    }
    line("made from", Some(asset.inputs.iter().map(|input| input.upstream.to_string()).collect::<Vec<_>>().join(", ")));
    if asset.is_stored() {
        line("stored", Some(if stored.exists { summary(stored, partitions) } else { "nothing yet".to_owned() }));
    }
    line("last written", stored.modified.map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()));
    line("by run", stored.run.clone());
    for column in &stored.columns {
        lines.push(format!("    {:<24}{}", column.name, column.data_type));
    }
    lines.join("\n")
}

fn tag((key, value): &(String, String)) -> String {
    if value.is_empty() { key.clone() } else { format!("{key}={value}") }
}

fn summary(stored: &Description, partitions: Option<&KeySet>) -> String {
    let partitions = partitions.map(|stored| format!("{} of {} partitions", stored.len(), stored.space().len()));
    let rows = stored.rows.map(|rows| format!("{rows} rows"));
    let size = stored.bytes.map(bytes);
    let version = stored.version.map(|version| format!("version {version}"));
    let known: Vec<_> = partitions.into_iter().chain(rows).chain(size).chain(version).collect();
    if known.is_empty() { "it is there".to_owned() } else { known.join(", ") }
}
