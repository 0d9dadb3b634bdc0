use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn readings(station: Partition<Station>) -> f64 {
    station.len() as f64
}

#[asset]
fn mean(readings: Partitions<Station, Option<f64>>) -> f64 {
    readings.into_values().flatten().sum()
}

fn main() {}
