use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn rows(stations: LazyFrame) -> LazyFrame {
    stations
}

fn main() {}
