use lakewright::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Model(f64);

#[asset]
pub fn model() -> Model {
    Model(0.5)
}

fn main() {}
