use lakewright::prelude::*;

#[asset]
extern "C" fn readings() -> f64 {
    20.5
}

#[asset]
fn mean(readings: Vec<f64>) -> f64 {
    readings.iter().sum::<f64>() / readings.len() as f64
}

fn main() {}
