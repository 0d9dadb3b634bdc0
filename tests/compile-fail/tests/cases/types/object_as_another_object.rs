use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn first(stations: Vec<i64>) -> i64 {
    stations[0]
}

fn main() {}
