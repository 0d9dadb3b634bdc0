use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Day)]
fn cleaned(#[input(mapping = overlap)] raw: f64) -> f64 {
    raw
}

fn main() {}
