use lakewright::prelude::*;

#[derive(Columns)]
struct Hourly {
    date: String,
    #[column(nmae = "temp")]
    temperature: f64,
}

#[external_asset]
fn sf_temps() -> Rows<Hourly, LazyFrame>;

#[asset]
fn highest(#[input(columns = ["temp"])] sf_temps: LazyFrame) -> LazyFrame {
    sf_temps
}

fn main() {}
