use lakewright::prelude::*;
use serde::Serialize;

#[derive(Serialize)]
struct Model {
    #[serde(skip)]
    shared: std::rc::Rc<f64>,
}

#[asset]
fn model() -> Model {
    Model { shared: std::rc::Rc::new(0.5) }
}

fn main() {}
