use lakewright::prelude::*;

#[asset]
fn count(#[input(from = raw::stations)] names: Vec<String>) -> usize {
    names.len()
}

fn main() {}
