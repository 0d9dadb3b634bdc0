use lakewright::prelude::*;

#[external_asset(io_manager = "delta")]
fn harvest() -> DataFrame {
    DataFrame::default()
}

#[asset]
fn rows(harvest: DataFrame) -> usize {
    harvest.height()
}

fn main() {}
