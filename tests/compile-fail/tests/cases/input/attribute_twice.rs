use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn count(#[input(from = stations)] #[input(columns = ["name"])] names: Vec<String>) -> i64 {
    names.len() as i64
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
