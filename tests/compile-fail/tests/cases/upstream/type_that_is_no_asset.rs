use lakewright::prelude::*;

struct Stations;

#[asset]
fn count(#[input(from = Stations)] names: Vec<String>) -> usize {
    names.len()
}

fn main() {}
