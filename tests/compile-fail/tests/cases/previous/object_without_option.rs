use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[asset(partitions = Day)]
fn running(#[input(previous)] before: f64) -> f64 {
    let _ = before;
    20.5
}

#[asset]
fn after(running: f64) -> f64 {
    running
}

fn main() {}
