use lakewright::prelude::*;

#[asset]
const fn readings() -> Vec<f64> {
    Vec::new()
}

#[asset]
fn mean(readings: Vec<f64>) -> f64 {
    readings.iter().sum::<f64>() / readings.len() as f64
}

fn main() {}
