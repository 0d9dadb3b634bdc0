use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn count(_stations: Vec<String>) -> usize {
    0
}

fn main() {}
