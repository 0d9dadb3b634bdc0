use lakewright::prelude::*;

#[asset]
fn count(day: Partition<Day>) -> i64 {
    1
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
