use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[partitions]
enum Species {
    #[key = "Iris-setosa"]
    Setosa,
    Versicolor,
}

#[asset(partitions = Station)]
fn readings(all: &PartitionSet<Species>) -> f64 {
    all.len() as f64
}

fn main() {}
