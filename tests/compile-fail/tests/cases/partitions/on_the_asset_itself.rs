use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[partitions(Station)]
#[asset]
fn readings() -> f64 {
    20.5
}

fn main() {}
