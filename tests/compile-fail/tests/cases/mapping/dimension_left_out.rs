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

#[partitions(keys = ["setosa"])]
struct Kind;

#[partitions]
struct DayKind {
    date: Day,
    species: Kind,
}

#[asset(partitions = DaySpecies)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = DayKind)]
fn cleaned(#[input(mapping = dimensions(date = offset(-1)))] raw: f64) -> f64 {
    raw
}

fn main() {}
