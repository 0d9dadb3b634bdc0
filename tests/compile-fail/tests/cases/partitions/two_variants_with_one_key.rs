use lakewright::prelude::*;

#[partitions]
enum Species {
    #[key = "Versicolor"]
    Setosa,
    Versicolor,
}

#[asset(partitions = Species)]
fn flowers(species: Partition<Species>) -> bool {
    matches!(*species, Species::Setosa)
}

fn main() {}
