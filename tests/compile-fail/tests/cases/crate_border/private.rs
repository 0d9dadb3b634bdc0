use lakewright::prelude::*;
use lakewright_test_library::raw;

#[asset]
fn length(#[input(from = raw::looked_at)] time: String) -> usize {
    time.len()
}

fn main() {}
