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
fn readings(species: Partition<Species>) -> String {
    species.to_string()
}

fn main() {}
