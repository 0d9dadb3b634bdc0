use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station)]
fn readings(station: Partition<Station>) -> Result<i64> {
    Ok(station.window()?.0.timestamp().as_second())
}

fn main() {}
