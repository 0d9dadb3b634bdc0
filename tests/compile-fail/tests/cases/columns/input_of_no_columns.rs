use lakewright::prelude::*;

struct Reading {
    value: f64,
}

#[external_asset]
fn readings() -> LazyFrame;

#[asset]
fn values(readings: Rows<Reading, LazyFrame>) -> LazyFrame {
    readings.into_inner()
}

fn main() {}
