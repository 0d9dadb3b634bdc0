use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn readings(all: PartitionSet<String>) -> f64 {
    drop(all);
    20.5
}

#[asset(partitions = Station)]
fn others() -> Partitions<String, f64> {
    Partitions::new()
}

fn main() {}
