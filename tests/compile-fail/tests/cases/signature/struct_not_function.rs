use lakewright::prelude::*;

#[asset]
struct Readings {
    celsius: Vec<f64>,
}

fn main() {}
