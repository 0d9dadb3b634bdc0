use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn readings(station: Partition<Station>, all: PartitionSet<Station>) -> f64 {
    station.len() as f64 / all.len() as f64
}

fn main() {}
