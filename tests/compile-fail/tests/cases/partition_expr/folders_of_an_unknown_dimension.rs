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

#[asset(partitions = DaySpecies, partition_by = ["specie"])]
fn flowers() -> f64 {
    20.5
}

fn main() {}
