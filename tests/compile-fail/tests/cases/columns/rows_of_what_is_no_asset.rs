use lakewright::prelude::*;

#[derive(Columns)]
struct Hourly {
    date: String,
    temp: f64,
}

#[allow(non_camel_case_types)]
struct sf_temps {}

#[asset]
fn highest(#[input(columns = ["temp"])] sf_temps: Rows<Hourly, LazyFrame>) -> LazyFrame {
    sf_temps.into_inner()
}

fn main() {}
