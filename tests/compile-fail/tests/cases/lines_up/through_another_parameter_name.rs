use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions]
enum Species {
    #[key = "Iris-setosa"]
    Setosa,
    Versicolor,
}

#[asset(partitions = Species)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Day)]
fn cleaned(#[input(from = raw)] values: f64, #[input(from = raw, mapping = all)] all: f64) -> f64 {
    values / all
}

fn main() {}
