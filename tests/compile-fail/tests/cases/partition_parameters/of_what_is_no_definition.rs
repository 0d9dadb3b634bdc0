use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn readings(station: Partition<String>) -> String {
    station.key().to_owned()
}

fn main() {}
