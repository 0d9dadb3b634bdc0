use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Station, partition_expr(station = "at", other = "x"))]
fn readings() -> f64 {
    20.5
}

fn main() {}
