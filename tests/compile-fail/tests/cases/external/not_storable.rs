use lakewright::prelude::*;

struct Harvest;

#[external_asset]
fn harvest() -> Harvest;

fn main() {}
