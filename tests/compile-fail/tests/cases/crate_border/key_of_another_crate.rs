use lakewright::prelude::*;

use lakewright_test_library::by_station::sums;

#[asset]
fn north(#[input(mapping = keys("norht"))] sums: f64) -> f64 {
    sums
}

fn main() {}
