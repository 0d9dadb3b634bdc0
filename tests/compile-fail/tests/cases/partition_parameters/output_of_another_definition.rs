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
fn readings() -> Result<Partitions<Species, f64>> {
    Ok(Partitions::new())
}

fn main() {}
