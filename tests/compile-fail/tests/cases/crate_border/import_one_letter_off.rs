use lakewright::prelude::*;
use lakewright_test_library::raw::staions;

#[asset]
fn count(staions: Vec<String>) -> usize {
    staions.len()
}

fn main() {}
