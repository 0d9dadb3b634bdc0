use lakewright::prelude::*;

#[asset]
fn arrivals() -> Option<DataFrame> {
    None
}

#[asset]
fn count(arrivals: DataFrame) -> usize {
    arrivals.height()
}

fn main() {}
