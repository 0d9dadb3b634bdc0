use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions]
struct Range {
    from: Day,
    to: Day,
}

#[asset(partitions = Day)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Range)]
fn cleaned(raw: f64) -> f64 {
    raw
}

fn main() {}
