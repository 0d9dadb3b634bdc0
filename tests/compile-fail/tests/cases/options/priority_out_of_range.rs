use lakewright::prelude::*;

#[asset(priority = 3000000000)]
fn readings() -> Vec<f64> {
    vec![20.5, 21.0]
}

#[asset]
fn mean(readings: Vec<f64>) -> f64 {
    readings.iter().sum::<f64>() / readings.len() as f64
}

fn main() {}
