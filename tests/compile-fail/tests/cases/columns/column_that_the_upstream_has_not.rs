use lakewright::prelude::*;

#[derive(Columns)]
struct Hourly {
    date: String,
    temp: f64,
}

#[derive(Columns)]
struct Needed {
    date: String,
    tmep: f64,
}

#[external_asset]
fn sf_temps() -> Rows<Hourly, LazyFrame>;

#[asset]
fn daily(sf_temps: Rows<Needed, LazyFrame>) -> LazyFrame {
    sf_temps.into_inner()
}

fn main() {}
