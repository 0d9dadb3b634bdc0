use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

struct Reading;

#[asset(partitions = Station)]
fn readings() -> Partitions<Station, Reading> {
    Partitions::new()
}

fn main() {}
