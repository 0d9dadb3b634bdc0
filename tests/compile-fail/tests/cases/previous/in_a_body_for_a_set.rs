use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[asset(partitions = Day)]
fn running(#[input(previous)] before: Option<f64>) -> Partitions<Day, f64> {
    let _ = before;
    Partitions::new()
}

#[asset]
fn after(running: f64) -> f64 {
    running
}

fn main() {}
