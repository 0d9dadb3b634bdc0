use lakewright::prelude::*;

#[external_asset(mode = "append")]
fn harvest() -> DataFrame;

#[asset]
fn rows(harvest: DataFrame) -> usize {
    harvest.height()
}

fn main() {}
