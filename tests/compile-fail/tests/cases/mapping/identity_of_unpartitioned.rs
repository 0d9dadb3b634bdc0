use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Station)]
fn cleaned(#[input(mapping = identity)] raw: f64) -> f64 {
    raw
}

fn main() {}
