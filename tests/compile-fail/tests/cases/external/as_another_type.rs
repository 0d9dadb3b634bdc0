use lakewright::prelude::*;

#[external_asset(io_manager = "delta")]
fn harvest() -> DataFrame;

#[asset]
fn rows(harvest: Vec<f64>) -> usize {
    harvest.len()
}

fn main() {}
