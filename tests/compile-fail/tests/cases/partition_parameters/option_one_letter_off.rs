use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Sation)]
fn readings() -> f64 {
    20.5
}

#[asset(partitions = Station)]
fn mean(readings: f64) -> f64 {
    readings
}

fn main() {}
