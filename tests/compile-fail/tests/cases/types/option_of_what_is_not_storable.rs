use lakewright::prelude::*;

struct Model;

#[asset]
fn model() -> Option<Model> {
    None
}

fn main() {}
