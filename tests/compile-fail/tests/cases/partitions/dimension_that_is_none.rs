use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions]
struct DayName {
    date: Day,
    name: String,
}

#[asset(partitions = DayName)]
fn names(name: Partition<DayName>) -> String {
    name.to_string()
}

fn main() {}
