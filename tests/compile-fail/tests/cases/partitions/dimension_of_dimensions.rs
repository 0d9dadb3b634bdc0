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

#[partitions]
struct Deeper {
    inner: DaySpecies,
    again: Day,
}

fn main() {}
