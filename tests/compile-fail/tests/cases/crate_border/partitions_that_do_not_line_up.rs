use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

use lakewright_test_library::by_station;

#[asset(partitions = Day)]
fn daily(#[input(from = by_station::sums)] sums: f64) -> f64 {
    sums
}

fn main() {}
