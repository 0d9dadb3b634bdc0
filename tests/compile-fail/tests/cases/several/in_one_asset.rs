use lakewright::prelude::*;

#[asset(io_manger = "delta")]
unsafe fn readings(raw: &mut Vec<f64>, _: i64) {
    raw.clear();
}

#[asset]
fn mean(readings: Vec<f64>) -> f64 {
    readings.iter().sum::<f64>() / readings.len() as f64
}

fn main() {}
