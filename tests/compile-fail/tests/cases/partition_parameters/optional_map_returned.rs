use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn readings() -> Option<Partitions<Station, f64>> {
    None
}

#[asset]
fn mean(readings: f64) -> f64 {
    readings
}

fn main() {}
