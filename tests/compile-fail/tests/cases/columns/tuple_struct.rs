use lakewright::prelude::*;

#[derive(Columns)]
struct Reading(String, f64);

#[asset]
fn readings() -> Result<Rows<Reading, DataFrame>> {
    Rows::new(DataFrame::empty())
}

fn main() {}
