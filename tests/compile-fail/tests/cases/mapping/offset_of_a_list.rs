use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Station)]
fn cleaned(#[input(mapping = offset(-1))] raw: f64) -> f64 {
    raw
}

fn main() {}
