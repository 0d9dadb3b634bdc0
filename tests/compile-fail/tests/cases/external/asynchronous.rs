use lakewright::prelude::*;

#[external_asset(io_manager = "delta")]
async fn harvest() -> DataFrame;

#[asset]
fn rows(harvest: DataFrame) -> usize {
    harvest.height()
}

fn main() {}
