use lakewright::prelude::*;

mod stations {}

#[asset]
fn count(stations: Vec<String>) -> usize {
    stations.len()
}

fn main() {}
