use lakewright::prelude::*;

#[partitions(keys = ["north\n"])]
struct Station;

#[asset(partitions = Station)]
fn readings(station: Partition<Station>) -> f64 {
    station.len() as f64
}

fn main() {}
