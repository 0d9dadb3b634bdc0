use lakewright::prelude::*;

#[asset(partition_by = ["species"])]
fn flowers() -> f64 {
    20.5
}

fn main() {}
