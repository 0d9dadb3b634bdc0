use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn count(#[input(from = stations)] context: &Context) -> i64 {
    context.attempt().into()
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
