use lakewright::prelude::*;

struct Failed;

#[asset]
fn count() -> Result<usize, Failed> {
    Err(Failed)
}

fn main() {}
