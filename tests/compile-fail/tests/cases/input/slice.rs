use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn count(stations: &[String]) -> i64 {
    stations.len() as i64
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
