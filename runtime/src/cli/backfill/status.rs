//! `backfill status`: how far is it?

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use super::{counted, find, goes_on, keys, moment, to_json};
use crate::lakehouse::{BackfillCounts, BackfillOutcome, BackfillStatus, Lakehouse, RunCut};
use crate::partition::PartitionKey;
use crate::report::{duration, partitions, table};

/// How many runs are listed for people.
const RUNS_SHOWN: usize = 50;

/// Show how far a backfill is
#[derive(Args)]
#[command(after_long_help = "Examples:
  backfill status               the newest
  backfill status 3f9           an unambiguous beginning is enough
  backfill status 3f9 --json    every run and every partition, with what became of it")]
pub(in super::super) struct Status {
    /// The backfill, or the beginning of its name; the newest if absent
    id: Option<String>,
}

impl Status {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let status = lakehouse.backfill_status(&find(&lakehouse, self.id.as_deref())?)?;
        if as_json {
            print_json(&status_json(&lakehouse, &status));
        } else {
            print(&to_text(&status));
        }
        Ok(EXIT_OK)
    }
}

/// One line for all of it.
pub(super) fn summary(status: &BackfillStatus) -> String {
    let (runs, partitions) = (status.counts(), status.partition_counts());
    let mut parts = vec![format!("{} of {} done", runs.done, counted(runs.total, "run"))];
    let others =
        [(runs.failed, "failed"), (runs.running, "running"), (runs.interrupted, "interrupted"), (runs.waiting, "waiting")];
    parts.extend(others.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    let partitions = format!("{} of {} made", partitions.done, counted(partitions.total, "partition"));
    format!("backfill {}: {}; {partitions}", status.backfill.id, parts.join(", "))
}

fn to_text(status: &BackfillStatus) -> String {
    let backfill = &status.backfill;
    let mut lines = vec![format!("backfill {}", backfill.id)];
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("  {name:<16}{value}"));
        }
    };
    let asked = if backfill.canceled && status.outcome() == BackfillOutcome::Running { ", and was asked to stop" } else { "" };
    line("status", format!("{}{asked}", status.outcome().name()));
    line("for", backfill.selection.clone());
    line("partitions", backfill.choice.clone());
    let cut = match &backfill.cut {
        RunCut::One => "one run".to_owned(),
        cut => format!("a run for each {cut}, {} at once", backfill.parallel),
    };
    line("cut", cut);
    line("tags", backfill.tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", "));
    line("made", moment(backfill.at));
    line("runs", counts(&status.counts()));
    line("partitions", counts(&status.partition_counts()));
    // What needs a look comes first; what is done needs none.
    let mut shown: Vec<_> = status.runs.iter().filter(|run| run.outcome != BackfillOutcome::Done).collect();
    shown.sort_by_key(|run| (run.outcome == BackfillOutcome::Waiting, run.number));
    let more = shown.len().saturating_sub(RUNS_SHOWN);
    if !shown.is_empty() {
        let rows = shown.into_iter().take(RUNS_SHOWN).map(|run| {
            let took = run.started.zip(run.finished).map(|(started, finished)| duration(finished.duration_since(started)));
            [run.run.clone(), run.outcome.name().to_owned(), took.unwrap_or_default(), partitions(&run.slice)]
        });
        lines.push(table(&["run", "status", "took", "for"], rows));
    }
    if more > 0 {
        lines.push(format!("… and {more} more; `--json` lists all"));
    }
    match status.outcome() {
        BackfillOutcome::Done => {}
        BackfillOutcome::Running => lines.push(format!("`backfill cancel {}` stops it", backfill.id)),
        BackfillOutcome::Failed => {
            lines.push(format!("`runs show RUN` says why; `backfill retry {}` tries what failed again", backfill.id));
        }
        _ => lines.push(goes_on(status)),
    }
    lines.join("\n")
}

fn counts(counts: &BackfillCounts) -> String {
    let others = [
        (counts.failed, "failed"),
        (counts.running, "running"),
        (counts.interrupted, "interrupted"),
        (counts.waiting, "waiting"),
    ];
    let others = others.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    std::iter::once(format!("{} of {} done", counts.done, counts.total)).chain(others).collect::<Vec<_>>().join(", ")
}

/// All of it.
pub(super) fn status_json(lakehouse: &Lakehouse, status: &BackfillStatus) -> Value {
    let backfill = &status.backfill;
    let runs: Vec<_> = status
        .runs
        .iter()
        .zip(keys(lakehouse, backfill))
        .map(|(run, keys)| {
            json!({
                "run": run.run, "number": run.number, "outcome": run.outcome, "slice": run.slice, "partitions": run.partitions,
                "keys": keys, "started": run.started, "finished": run.finished,
            })
        })
        .collect();
    let mut found = Map::new();
    for asset in backfill.groups.iter().flat_map(|group| &group.assets) {
        // Those of an asset that is another by now nobody can name; the rest is to be told all the same.
        let outcomes = lakehouse.backfill_partitions(status, &asset.key).ok();
        let one = |(key, outcome): &(PartitionKey, BackfillOutcome)| json!({ "key": key.to_string(), "outcome": outcome });
        let outcomes = outcomes.map_or(Value::Null, |outcomes| outcomes.iter().map(one).collect());
        found.insert(asset.key.to_string(), outcomes);
    }
    let mut json = to_json(backfill);
    json["status"] = json!(status.outcome());
    json["counts"] = json!({ "runs": status.counts(), "partitions": status.partition_counts() });
    json["runs"] = runs.into();
    json["partitions"] = found.into();
    json!({ "v": 1, "backfill": json })
}
