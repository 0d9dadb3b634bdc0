use lakewright::prelude::*;

#[asset]
fn count(_: Vec<String>) -> i64 {
    1
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
