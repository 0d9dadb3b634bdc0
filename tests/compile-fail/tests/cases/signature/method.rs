use lakewright::prelude::*;

struct Sensor {
    readings: Vec<f64>,
}

impl Sensor {
    #[asset]
    fn readings(&self) -> Vec<f64> {
        self.readings.clone()
    }
}

fn main() {}
