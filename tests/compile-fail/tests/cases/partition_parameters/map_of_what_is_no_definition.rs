use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn readings(station: Partition<Station>) -> f64 {
    station.len() as f64
}

#[asset]
fn mean(readings: Partitions<String, f64>) -> usize {
    readings.len()
}

fn main() {}
