use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset]
fn readings(station: Partition<Station>) -> String {
    station.to_string()
}

#[asset(partitions = Station)]
fn upper(readings: String) -> String {
    readings.to_uppercase()
}

fn main() {}
