use lakewright::prelude::*;

fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn count(stations: Vec<String>) -> usize {
    stations.len()
}

fn main() {}
