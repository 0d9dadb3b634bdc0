use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn readings(station: Partition<Station>) -> Partitions<Station, f64> {
    [(station, 20.5)].into_iter().collect()
}

fn main() {}
