//! Tables and units for people.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use jiff::SignedDuration;

use crate::exec::{RunReport, StepOutcome};
use crate::frame::Preview;
use crate::report::partitions;
use crate::slice::Slice;

/// The narrowest terminal that tables are fitted into, in columns.
const NARROWEST: u16 = 40;

/// What a column takes beside its text: a space on each side, and a border.
const AROUND: usize = 3;

/// What a column takes at least, if its words may be broken.
const LEAST: u16 = 4;

/// The columns of what is copied and of what became of something, whose words are not broken; the first is one of them by any name.
const WHOLE: [&str; 3] = ["run", "status", ""];

/// A table with a header.
pub fn table<R, C>(header: &[&str], rows: R) -> String
where
    R: IntoIterator<Item = C>,
    C: IntoIterator<Item = String>,
{
    narrow_table(header, rows, &[])
}

/// As [`table`], for a terminal on which there may not be room for all columns: these are left out first, in this order.
pub(crate) fn narrow_table<R, C>(header: &[&str], rows: R, left_out: &[&str]) -> String
where
    R: IntoIterator<Item = C>,
    C: IntoIterator<Item = String>,
{
    let rows = rows.into_iter().map(|row| row.into_iter().collect()).collect();
    // A terminal that gives no width of use, as some recorders do, is taken for a wide one.
    fitted(header, rows, left_out, Table::new().width().filter(|width| *width >= NARROWEST))
}

/// A table in a terminal of this width, if there is one.
fn fitted(header: &[&str], mut rows: Vec<Vec<String>>, left_out: &[&str], width: Option<u16>) -> String {
    let mut header = header.to_vec();
    let mut gone = Vec::new();
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    let mut least = Vec::new();
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        let mut words = longest_words(&header, &rows);
        for name in left_out {
            let Some(at) = header.iter().position(|column| column == name) else { continue };
            if !fits(&words, width) {
                gone.push(format!("`{}`", header.remove(at)));
                words.remove(at);
                for row in &mut rows {
                    row.remove(at);
                }
            }
        }
        least = least_widths(&header, words, width);
    }
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (column, least) in table.column_iter_mut().zip(least).filter(|(_, least)| *least > 0) {
        // With the space on each side.
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least.saturating_add(2))));
    }
    match &gone[..] {
        [] => table.to_string(),
        gone => format!("{table}\nno room for {}; `--json` has all", gone.join(", ")),
    }
}

/// How wide the longest word of each column is.
fn longest_words(header: &[&str], rows: &[Vec<String>]) -> Vec<u16> {
    let mut words = Table::new();
    words.set_header(header.iter().map(|text| text.replace(' ', "\n")));
    for row in rows {
        words.add_row(row.iter().map(|text| text.replace(' ', "\n")));
    }
    words.column_max_content_widths()
}

/// Whether columns of these widths are no wider than that together.
fn fits(columns: &[u16], width: u16) -> bool {
    columns.iter().map(|column| usize::from(*column) + AROUND).sum::<usize>() < usize::from(width)
}

/// How wide each column has to be at least: as its longest word if there is room for that in all columns, and else in those that are not
/// to be broken, if there is room for that.
fn least_widths(header: &[&str], words: Vec<u16>, width: u16) -> Vec<u16> {
    if fits(&words, width) {
        return words;
    }
    let whole = |at: usize| at == 0 || header.get(at).is_some_and(|name| WHOLE.contains(name));
    let kept: Vec<u16> = words.into_iter().enumerate().map(|(at, words)| if whole(at) { words } else { 0 }).collect();
    let taken: Vec<u16> = kept.iter().map(|kept| (*kept).max(LEAST)).collect();
    if fits(&taken, width) { kept } else { Vec::new() }
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

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: [&str; 8] = ["run", "status", "began", "took", "done", "failed", "for", "tags"];

    fn runs(width: Option<u16>) -> String {
        let row = |run: &str, status: &str| {
            let rest = ["2026-01-02 03:04:05 UTC", "1m 2s", "59 of 61", "1", "(orders) or (monthly)", "ticket=OPS-17"];
            [run, status].into_iter().chain(rest).map(str::to_owned).collect()
        };
        let rows = vec![row("6ad032b0cad48fbb-0003", "succeeded"), row("6ad032b0cad48fbb", "interrupted")];
        fitted(&RUNS, rows, &["tags", "began"], width)
    }

    fn wide(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
    }

    #[test]
    fn identifiers_and_outcomes_are_whole_on_a_narrow_terminal_and_what_is_left_out_is_said() {
        let shown = runs(Some(80));
        assert!(wide(&shown) <= 80, "{shown}");
        for whole in ["6ad032b0cad48fbb-0003 ", "succeeded ", "interrupted ", "(monthly)"] {
            assert!(shown.contains(whole), "{whole} is not in\n{shown}");
        }
        assert!(shown.ends_with("no room for `tags`, `began`; `--json` has all"), "{shown}");
        let all = runs(Some(200));
        assert!(all.contains("2026-01-02 03:04:05 UTC") && all.contains("ticket=OPS-17 "), "{all}");
        assert_eq!(all, runs(None));
    }

    #[test]
    fn a_word_that_is_wider_than_the_terminal_is_broken_all_the_same() {
        let long = "x".repeat(300);
        let shown = fitted(&["name", "value"], vec![vec![long.clone(), "1".to_owned()]], &[], Some(80));
        assert!(wide(&shown) <= 80, "{shown}");
        // Beside it, what became of something is still whole.
        let shown = fitted(&["asset", "", "where"], vec![vec!["a".to_owned(), "succeeded".to_owned(), long]], &[], Some(80));
        assert!(wide(&shown) <= 80 && shown.contains("succeeded"), "{shown}");
    }
}
