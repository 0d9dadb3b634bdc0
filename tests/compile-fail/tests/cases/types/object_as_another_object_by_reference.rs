use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn first(stations: &String) -> String {
    stations.clone()
}

fn main() {}
