use lakewright::prelude::*;

#[partitions(hourly, start = "2023-01-01")]
struct Hour;

#[asset(partitions = Hour, partition_expr = "at", partition_by = ["hour"])]
fn flowers() -> f64 {
    20.5
}

fn main() {}
