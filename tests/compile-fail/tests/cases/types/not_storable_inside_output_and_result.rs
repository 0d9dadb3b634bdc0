use lakewright::prelude::*;

struct Model;

#[asset]
fn model() -> Result<Output<Model>> {
    Ok(Output::new(Model))
}

fn main() {}
