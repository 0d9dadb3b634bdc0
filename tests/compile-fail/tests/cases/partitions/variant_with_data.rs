use lakewright::prelude::*;

#[partitions]
enum Species {
    Setosa(u8),
    Versicolor,
}

#[asset(partitions = Species)]
fn flowers(species: Partition<Species>) -> String {
    species.to_string()
}

fn main() {}
