use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn size(stations: Bytes) -> usize {
    stations.len()
}

fn main() {}
