use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[external_asset(partitions = Station)]
fn readings() -> Partitions<Station, DataFrame>;

fn main() {}
