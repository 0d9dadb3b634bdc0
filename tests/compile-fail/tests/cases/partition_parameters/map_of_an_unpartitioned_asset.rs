use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset]
fn readings() -> f64 {
    20.5
}

#[asset(partitions = Station)]
fn mean(readings: Partitions<Station, f64>) -> f64 {
    readings.into_values().sum()
}

fn main() {}
