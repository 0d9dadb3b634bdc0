use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn count(stations: &dyn ToString) -> i64 {
    stations.to_string().len() as i64
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
