use lakewright::prelude::*;

struct Station;

#[derive(Columns)]
struct Reading {
    station: Option<Station>,
    number: usize,
    value: f64,
}

fn main() {}
