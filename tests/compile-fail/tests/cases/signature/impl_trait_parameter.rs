use lakewright::prelude::*;

#[asset]
fn readings(raw: impl Iterator<Item = f64>) -> Vec<f64> {
    raw.collect()
}

#[asset]
fn mean(readings: Vec<f64>) -> f64 {
    readings.iter().sum::<f64>() / readings.len() as f64
}

fn main() {}
