use lakewright::prelude::*;

#[asset]
fn char() -> String {
    "a".into()
}

fn main() {}
