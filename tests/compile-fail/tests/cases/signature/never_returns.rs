use lakewright::prelude::*;

#[asset]
fn readings() -> ! {
    panic!("no readings")
}

#[asset]
fn mean(readings: Vec<f64>) -> f64 {
    readings.iter().sum::<f64>() / readings.len() as f64
}

fn main() {}
