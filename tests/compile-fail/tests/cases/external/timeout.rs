use lakewright::prelude::*;

#[external_asset(timeout = "10m")]
fn harvest() -> DataFrame;

#[asset]
fn rows(harvest: DataFrame) -> usize {
    harvest.height()
}

fn main() {}
