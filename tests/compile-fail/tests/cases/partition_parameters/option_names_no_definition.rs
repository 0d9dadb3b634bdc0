use lakewright::prelude::*;

struct Station;

#[asset(partitions = Station)]
fn readings() -> f64 {
    20.5
}

#[asset]
fn mean(readings: f64) -> f64 {
    readings
}

fn main() {}
