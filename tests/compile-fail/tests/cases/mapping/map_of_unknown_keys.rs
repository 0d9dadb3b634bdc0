use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

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

#[asset(partitions = Station)]
fn cleaned(#[input(mapping = map("north" = "Iris-setosa", "suoth" = ["Iris-setosa", "Virginica"]))] raw: f64) -> f64 {
    raw
}

fn main() {}
