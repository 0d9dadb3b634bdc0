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
struct DaySpecies(Day, Species);

fn main() {}
