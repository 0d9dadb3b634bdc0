use lakewright::prelude::*;

#[asset]
fn first() -> &'static str {
    "north"
}

#[asset]
fn count(first: String) -> usize {
    first.len()
}

fn main() {}
