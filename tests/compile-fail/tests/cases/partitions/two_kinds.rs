use lakewright::prelude::*;

#[partitions(daily, keys = ["north"], start = "2023-01-01")]
struct Station;

#[asset(partitions = Station)]
fn readings(station: Partition<Station>) -> f64 {
    station.len() as f64
}

fn main() {}
