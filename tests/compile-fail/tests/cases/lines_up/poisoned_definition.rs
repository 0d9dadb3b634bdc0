use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions(keys = ["a", "a"])]
struct Letter;

#[partitions]
struct DayLetter {
    date: Day,
    letter: Letter,
}

#[asset(partitions = Letter, partition_expr = "letter")]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = DayLetter)]
fn wide(#[input(mapping = offset(-1))] raw: f64) -> f64 {
    raw
}

#[asset(partitions = Day)]
fn cleaned(raw: f64) -> f64 {
    raw
}

fn main() {}
