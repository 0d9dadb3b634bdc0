use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn first(stations: &Vec<String>) -> &str {
    &stations[0]
}

#[asset]
fn greeting(first: String) -> String {
    format!("hello {first}")
}

fn main() {}
