use lakewright::prelude::*;

struct Sensor;

impl Sensor {
    #[asset]
    fn readings() -> Vec<f64> {
        vec![20.5]
    }
}

fn main() {}
