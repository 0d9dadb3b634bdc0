use lakewright::prelude::*;

#[external_asset(io_manager = "delta")]
fn harvest() -> PolarsResult<DataFrame>;

#[asset]
fn rows(harvest: DataFrame) -> usize {
    harvest.height()
}

fn main() {}
