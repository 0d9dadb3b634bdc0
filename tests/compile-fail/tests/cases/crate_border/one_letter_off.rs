use lakewright::prelude::*;
use lakewright_test_library::raw;

#[asset]
fn count(#[input(from = raw::staions)] names: Vec<String>) -> usize {
    names.len()
}

fn main() {}
