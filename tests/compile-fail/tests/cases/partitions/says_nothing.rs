use lakewright::prelude::*;

#[partitions]
struct Station;

#[asset(partitions = Station)]
fn readings(station: Partition<Station>) -> f64 {
    station.len() as f64
}

fn main() {}
