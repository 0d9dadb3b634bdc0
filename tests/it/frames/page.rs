//! `docs/frames.md` says what the matrix found, and nothing else.

use std::fmt::Write;

use super::STORES;
use super::matrix::{Got, KINDS, Kind, Wrap, try_all};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/frames.md");

const HEAD: &str = "\
# Frames

Which frame type goes into which store, and as what it comes back. This page is written by the test that tries every combination, so
change the test and not the page: `UPDATE_DOCS=1 cargo test -p lakewright-tests --test it frames`.

Any frame type is read from any store as any other, whoever stored it. `Option<T>` and `Partitions<P, T>` work with every type, as an output
and as an input, in every store; each partition of a map is read on its own.

## Types

A type that is **whole** has its rows in memory. A **lazy** one is a plan or a stream: a lazy output is computed while it is written and is
never whole in memory, and a lazy input has read nothing yet when the body begins. (The memory store keeps rows, so there a lazy output is
computed first.)

| type | feature | as an output | as an input |
|---|---|---|---|
";

const STORE: &str = "\
Rows are what the asset returns, columns what its reader takes. **handed over**: from memory, as it was just made, if both run in one run;
lazy: as a plan or a stream; whole: read into memory.
";

fn feature(kind: &Kind) -> &'static str {
    match kind.name {
        name if name.contains("DataFusion") => "`datafusion`",
        name if name.contains("RecordBatch") => "`arrow`",
        _ => "`polars`",
    }
}

fn page() -> String {
    let found = STORES.map(|store| KINDS.iter().map(|kind| try_all(store, Wrap::Plain, kind)).collect::<Vec<_>>());
    let mut page = HEAD.to_owned();
    for (number, kind) in KINDS.iter().enumerate() {
        // As read from a file, which is as lazy as it gets.
        let read = if found[1][1][number] == Got::Whole { "whole" } else { "lazy" };
        let made = if kind.is_eager() { "whole" } else { "lazy" };
        writeln!(page, "| {} | {} | {made} | {read} |", kind.name, feature(kind)).unwrap();
    }
    page.push_str("\n## Stores\n\n");
    page.push_str(STORE);
    for (store, found) in STORES.iter().zip(&found) {
        writeln!(page, "\n### {store}\n").unwrap();
        writeln!(page, "| output | {} |", KINDS.map(|kind| kind.name).join(" | ")).unwrap();
        writeln!(page, "|---|{}", "---|".repeat(KINDS.len())).unwrap();
        for (kind, got) in KINDS.iter().zip(found) {
            let cells = got.iter().map(|got| match got {
                Got::HandedOver => "**handed over**",
                Got::Lazy => "lazy",
                Got::Whole => "whole",
            });
            writeln!(page, "| {} | {} |", kind.name, cells.collect::<Vec<_>>().join(" | ")).unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_frames_says_what_is_so() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(written == page, "docs/frames.md is out of date: write it anew with `UPDATE_DOCS=1`; it should be\n{page}");
}
