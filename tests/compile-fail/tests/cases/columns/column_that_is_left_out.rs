use lakewright::prelude::*;

#[derive(Columns)]
struct Hourly {
    date: String,
    temp: f64,
}

#[external_asset]
fn sf_temps() -> Rows<Hourly, LazyFrame>;

#[asset]
fn highest(#[input(columns = ["temp"])] sf_temps: Rows<Hourly, LazyFrame>) -> LazyFrame {
    sf_temps.into_inner()
}

fn main() {}
