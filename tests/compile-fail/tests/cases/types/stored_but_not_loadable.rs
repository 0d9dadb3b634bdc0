use lakewright::prelude::*;
use serde::Serialize;

#[derive(Serialize)]
struct Model {
    weights: Vec<f64>,
}

#[asset]
fn model() -> Model {
    Model { weights: vec![0.5] }
}

#[asset]
fn size(model: Model) -> usize {
    model.weights.len()
}

fn main() {}
