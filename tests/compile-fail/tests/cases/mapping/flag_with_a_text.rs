use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[asset(partitions = Day)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Day)]
fn cleaned(#[input(allow_missing = "yes")] raw: f64) -> f64 {
    raw
}

fn main() {}
