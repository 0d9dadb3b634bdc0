use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn first(stations: &Vec<String>) -> &str {
    &stations[0]
}

fn main() {}
