//! Tables and units for people.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::SignedDuration;

use crate::exec::{RunReport, StepOutcome};
use crate::frame::Preview;
use crate::slice::Slice;

/// The narrowest terminal that tables are fitted into, in columns.
const NARROWEST: u16 = 40;

/// A table with a header.
pub fn table<R, C>(header: &[&str], rows: R) -> String
where
    R: IntoIterator<Item = C>,
    C: IntoIterator<Item = String>,
{
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    // A terminal that gives no width of use, as some recorders do, is taken for a wide one.
    if table.width().is_some_and(|width| width < NARROWEST) {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// What a run materialized, where, how much, and how long it took.
#[must_use]
pub fn run_table(report: &RunReport) -> String {
    let any_partitions = report.steps.iter().flat_map(|step| &step.slices).any(|slice| *slice != Slice::Whole);
    let rows = report.steps.iter().flat_map(|step| {
        let (word, took) = match &step.outcome {
            StepOutcome::Succeeded(took) => ("ok", duration(took.load + took.compute + took.store)),
            StepOutcome::Failed(_) => ("failed", String::new()),
            StepOutcome::Skipped(_) => ("skipped", String::new()),
        };
        step.assets.iter().zip(&step.slices).map(move |(key, slice)| {
            let stored = step.materializations.iter().find(|stored| stored.asset == *key);
            let rows = stored.and_then(|stored| stored.rows).map_or_else(String::new, |rows| rows.to_string());
            let size = stored.and_then(|stored| stored.bytes).map_or_else(String::new, bytes);
            let location = stored.map_or_else(String::new, |stored| relative(&stored.location));
            let mut row = vec![key.to_string(), word.to_owned(), rows, size, took.clone(), location];
            if any_partitions {
                row.insert(1, partitions(slice));
            }
            row
        })
    });
    let mut header = vec!["asset", "", "rows", "size", "time", "where"];
    if any_partitions {
        header.insert(1, "partitions");
    }
    table(&header, rows)
}

/// The longest list of partitions that is shown, in characters.
const PARTITIONS_SHOWN: usize = 28;

/// The partitions of a slice, cut short; nothing for a whole asset.
#[must_use]
pub fn partitions(slice: &Slice) -> String {
    let text = slice.to_string();
    let Some(inside) = text.strip_prefix("v1:[").and_then(|text| text.strip_suffix(']')) else { return String::new() };
    match inside.char_indices().nth(PARTITIONS_SHOWN) {
        Some((end, _)) => format!("{}…", &inside[..end]),
        None => inside.to_owned(),
    }
}

/// The first rows of a table.
#[must_use]
pub fn preview_table(preview: &Preview) -> String {
    let header: Vec<String> = preview.columns.iter().map(|column| format!("{}\n{}", column.name, column.data_type)).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    table(&header, preview.rows.iter().cloned())
}

/// A number of bytes in a unit that keeps it short.
#[must_use]
pub fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

/// A duration in a unit that keeps it short.
#[must_use]
pub fn duration(elapsed: SignedDuration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{elapsed:#}")
    }
}

/// A path below the current folder, as it would be typed there.
fn relative(location: &str) -> String {
    let below = std::env::current_dir()
        .ok()
        .and_then(|here| Some(std::path::Path::new(location).strip_prefix(here).ok()?.display().to_string()));
    below.unwrap_or_else(|| location.to_owned())
}
