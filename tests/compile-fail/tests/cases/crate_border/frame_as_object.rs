use lakewright::prelude::*;
use lakewright_test_library::raw;

#[asset]
fn rows(#[input(from = raw::measurements)] rows_read: Vec<f64>) -> usize {
    rows_read.len()
}

fn main() {}
