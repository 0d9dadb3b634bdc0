use lakewright::prelude::*;

#[asset]
fn hens(eggs: i64) -> i64 {
    eggs
}

#[asset]
fn eggs(hens: i64) -> i64 {
    hens
}

fn main() {}
