use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions]
enum Species {
    #[key = "Iris-setosa"]
    Setosa,
    Versicolor,
}

#[partitions]
struct DaySpecies {
    date: Day,
    species: Species,
}

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset(partitions = DaySpecies)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Station)]
fn cleaned(raw: f64) -> f64 {
    raw
}

fn main() {}
