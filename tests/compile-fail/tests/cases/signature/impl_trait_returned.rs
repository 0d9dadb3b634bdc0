use lakewright::prelude::*;

#[asset]
fn readings() -> impl Iterator<Item = f64> {
    [20.5, 21.0].into_iter()
}

#[asset]
fn mean(readings: Vec<f64>) -> f64 {
    readings.iter().sum::<f64>() / readings.len() as f64
}

fn main() {}
