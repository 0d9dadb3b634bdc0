use lakewright::prelude::*;

#[external_asset(io_manager = "delta")]
fn harvest() -> Option<DataFrame>;

#[asset]
fn rows(harvest: DataFrame) -> usize {
    harvest.height()
}

fn main() {}
