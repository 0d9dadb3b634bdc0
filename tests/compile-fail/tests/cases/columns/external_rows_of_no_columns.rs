use lakewright::prelude::*;

struct Reading {
    value: f64,
}

#[external_asset]
fn readings() -> Rows<Reading, LazyFrame>;

fn main() {}
