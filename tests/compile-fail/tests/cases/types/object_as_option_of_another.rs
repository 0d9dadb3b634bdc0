use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn count(stations: Option<i64>) -> i64 {
    stations.unwrap_or(0)
}

fn main() {}
