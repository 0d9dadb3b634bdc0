use lakewright::prelude::*;

#[asset(partition_expr(species = "kind"))]
fn flowers() -> f64 {
    20.5
}

fn main() {}
