use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = "Station")]
fn readings(station: Partition<Station>) -> f64 {
    station.len() as f64
}

#[asset(partitions = Station)]
fn mean(readings: f64) -> f64 {
    readings
}

fn main() {}
