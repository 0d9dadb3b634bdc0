use lakewright::prelude::*;

struct Reading {
    value: f64,
}

#[asset]
fn readings() -> Result<Rows<Reading, DataFrame>> {
    Rows::new(df!("value" => [1.0])?)
}

fn main() {}
