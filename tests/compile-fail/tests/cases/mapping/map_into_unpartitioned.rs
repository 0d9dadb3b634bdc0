use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn raw() -> f64 {
    20.5
}

#[asset]
fn cleaned(#[input(mapping = map("a" = "north"))] raw: f64) -> f64 {
    raw
}

fn main() {}
