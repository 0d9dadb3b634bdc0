use lakewright::prelude::*;

#[asset]
fn newest() -> Option<String> {
    None
}

#[asset]
fn headline(newest: String) -> String {
    newest
}

fn main() {}
