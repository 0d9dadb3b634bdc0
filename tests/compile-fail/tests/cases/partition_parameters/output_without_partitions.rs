use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[asset]
fn readings() -> Partitions<Station, f64> {
    Partitions::new()
}

fn main() {}
