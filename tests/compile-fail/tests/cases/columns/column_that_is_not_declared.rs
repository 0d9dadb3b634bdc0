use lakewright::prelude::*;

#[derive(Columns)]
struct Hourly {
    date: String,
    temp: f64,
}

#[derive(Columns)]
struct Temperatures {
    temp: f64,
}

/// Another name for it.
type Typed = Rows<Temperatures, LazyFrame>;

#[external_asset]
fn sf_temps() -> Rows<Hourly, LazyFrame>;

#[asset]
fn highest(sf_temps: Typed) -> LazyFrame {
    sf_temps.into_inner()
}

fn main() {}
