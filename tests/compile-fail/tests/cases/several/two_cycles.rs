use lakewright::prelude::*;

#[asset]
fn hens(eggs: i64) -> i64 {
    eggs
}

#[asset]
fn eggs(hens: i64) -> i64 {
    hens
}

#[asset]
fn day(night: i64) -> i64 {
    night
}

#[asset]
fn night(day: i64) -> i64 {
    day
}

fn main() {}
