use lakewright::prelude::*;
use lakewright_test_library::raw::stations;

#[asset]
fn first(stations: Vec<i64>) -> i64 {
    stations[0]
}

fn main() {}
