use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[partitions(dynamic)]
struct Region;

#[asset(partitions = Region)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Station)]
fn cleaned(raw: f64) -> f64 {
    raw
}

fn main() {}
