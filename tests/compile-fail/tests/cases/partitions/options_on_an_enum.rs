use lakewright::prelude::*;

#[partitions(keys = ["Setosa"])]
enum Species {
    Setosa,
    Versicolor,
}

#[asset(partitions = Species)]
fn flowers(species: Partition<Species>) -> bool {
    matches!(*species, Species::Setosa)
}

fn main() {}
