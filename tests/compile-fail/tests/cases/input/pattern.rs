use lakewright::prelude::*;

#[asset]
fn count((north, south): (i64, i64)) -> i64 {
    north + south
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
