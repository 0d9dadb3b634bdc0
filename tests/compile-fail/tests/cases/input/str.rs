use lakewright::prelude::*;

#[asset]
fn station() -> String {
    "north".into()
}

#[asset]
fn count(station: &str) -> i64 {
    station.len() as i64
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
