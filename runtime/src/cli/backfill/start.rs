//! `backfill start`: decide what is to be made, and make it.

use clap::Args;
use serde_json::json;

use super::super::materialize::How;
use super::super::partition_options::PartitionOptions;
use super::super::units::pair;
use super::super::{EXIT_OK, Ended, Shell, complain, joined, print, print_json};
use super::progress::Progress;
use super::{carry_out, counted, end, keys, to_json};
use crate::lakehouse::{Backfill, BackfillOptions, BackfillStatus, Lakehouse, RunCut};
use crate::report::{partitions, table};

/// How many runs a preview lists for people.
const RUNS_SHOWN: usize = 20;

/// Decide what is to be made, and make it
#[derive(Args)]
#[command(after_long_help = "Examples:
  backfill start 'orders*' --partitions 2026-01-01..2026-03-31 --parallel 4
  backfill start orders --missing --preview            what would be made, in which runs
  backfill start flowers --all-partitions --per-run species
  backfill start orders --failed --per-run one --tag ticket=OPS-17

What it makes is decided once: keys that come later are not part of it. Ctrl-C finishes what has begun and begins nothing else; `backfill
resume` goes on with the rest, here or in another process.")]
pub(in super::super) struct Start {
    /// Only these, for example `iris_cleaned+`; everything if absent
    selection: Vec<String>,
    #[command(flatten)]
    partitions: PartitionOptions,
    /// What a run is for: each `partition`, all in `one`, or each key of this dimension
    #[arg(long, value_name = "one|partition|DIMENSION", default_value = "partition")]
    per_run: String,
    /// How many runs go on at once
    #[arg(long, value_name = "RUNS", default_value_t = 1)]
    parallel: usize,
    /// Attach something that it and its runs are found by; may be given several times
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    /// Only show what would be made, and in which runs
    #[arg(long)]
    preview: bool,
    #[command(flatten)]
    how: How,
}

impl Start {
    pub(super) fn run(self, mut shell: Shell) -> Result<u8, Ended> {
        let json = shell.json;
        let progress = Progress::new(json);
        shell.builder = self.how.configure(progress.listen(shell.builder));
        let lakehouse = shell.lakehouse()?;
        let options = BackfillOptions::new().cut(RunCut::from(self.per_run)).parallel(self.parallel);
        let options = self.tags.iter().fold(options, |options, (name, value)| options.tag(name, value));
        // One selection is shown as it was written.
        let all = joined(&self.selection)?;
        let selection = if let [one] = &self.selection[..] { one } else { &all };
        let backfill = lakehouse.plan_backfill(selection, &self.partitions.choice()?, &options)?;
        if self.preview {
            if json {
                print_json(&preview_json(&lakehouse, &backfill));
            } else {
                print(&preview(&backfill));
            }
            return Ok(EXIT_OK);
        }
        if !json {
            complain(&format!("backfill {}: {}", backfill.id, sizes(&backfill)));
        }
        progress.begin(&BackfillStatus::new(backfill.clone()));
        let work = |interrupt| lakehouse.start_backfill(&backfill, interrupt);
        let status = carry_out(&lakehouse, &backfill.id, &progress, &self.how, json, work);
        Ok(end(&lakehouse, &status?, json))
    }
}

fn sizes(backfill: &Backfill) -> String {
    let assets = backfill.groups.iter().map(|group| group.assets.len() as u64).sum();
    let (runs, partitions) = (counted(backfill.run_count() as u64, "run"), counted(backfill.partition_count(), "partition"));
    format!("{runs} for {partitions} of {}", counted(assets, "asset"))
}

fn preview(backfill: &Backfill) -> String {
    let assets = backfill.groups.iter().flat_map(|group| {
        group.assets.iter().map(|asset| {
            [(group.stage + 1).to_string(), asset.key.to_string(), asset.partitions.to_string(), partitions(&asset.slice)]
        })
    });
    let assets = table(&["stage", "asset", "count", "partitions"], assets);
    let runs = backfill.runs().take(RUNS_SHOWN).map(|(number, group, run)| {
        let assets = group.assets.iter().map(|asset| asset.key.to_string()).collect::<Vec<_>>().join(", ");
        [backfill.run_id(number), (group.stage + 1).to_string(), assets, run.partitions.to_string(), partitions(&run.slice)]
    });
    let runs = table(&["run", "stage", "assets", "count", "for"], runs);
    let more = match backfill.run_count().saturating_sub(RUNS_SHOWN) {
        0 => String::new(),
        more => format!("\n… and {more} more; `--json` lists all"),
    };
    format!("{}\n{assets}\n{runs}{more}", sizes(backfill))
}

fn preview_json(lakehouse: &Lakehouse, backfill: &Backfill) -> serde_json::Value {
    let runs: Vec<_> = backfill
        .runs()
        .zip(keys(lakehouse, backfill))
        .map(|((number, group, run), keys)| {
            let assets: Vec<_> = group.assets.iter().map(|asset| &asset.key).collect();
            json!({
                "run": backfill.run_id(number), "number": number, "stage": group.stage, "assets": assets,
                "slice": run.slice, "partitions": run.partitions, "keys": keys,
            })
        })
        .collect();
    let mut json = to_json(backfill);
    json["runs"] = runs.into();
    json!({ "v": 1, "preview": json })
}
