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

#[partitions(hourly, start = "2023-01-01")]
struct Hour;

#[asset(partitions = DaySpecies)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = Hour)]
fn cleaned(raw: f64) -> f64 {
    raw
}

fn main() {}
