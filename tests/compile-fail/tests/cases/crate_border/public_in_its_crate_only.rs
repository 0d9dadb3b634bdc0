use lakewright::prelude::*;
use lakewright_test_library::raw;

#[asset]
fn length(#[input(from = raw::summary)] text: String) -> usize {
    text.len()
}

fn main() {}
