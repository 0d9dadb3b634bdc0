use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions]
enum Species {
    #[key = "Iris-setosa"]
    Setosa,
    Versicolor,
}

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = Species)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Station)]
fn other() -> f64 {
    20.5
}

#[asset(partitions = Day)]
fn cleaned(raw: f64, other: f64) -> f64 {
    raw / other
}

fn main() {}
