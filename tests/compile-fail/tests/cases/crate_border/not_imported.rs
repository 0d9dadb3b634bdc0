use lakewright::prelude::*;
use lakewright_test_library as _;

#[asset]
fn count(stations: Vec<String>) -> usize {
    stations.len()
}

fn main() {}
