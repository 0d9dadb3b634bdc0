use lakewright::jiff::civil::Date;
use lakewright::prelude::*;

#[derive(Columns)]
struct Hourly {
    date: String,
    values: Vec<f64>,
    temp: Option<f64>,
}

#[derive(Columns)]
struct Needed {
    date: Date,
    values: Vec<i64>,
    temp: f64,
}

#[external_asset]
fn sf_temps() -> Rows<Hourly, LazyFrame>;

#[asset]
fn daily(sf_temps: &Rows<Needed, DataFrame>) -> DataFrame {
    DataFrame::clone(sf_temps)
}

fn main() {}
