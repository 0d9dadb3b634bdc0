use lakewright::prelude::*;

#[asset]
fn newest() -> Option<String> {
    None
}

#[asset]
fn headline(newest: Option<i64>) -> i64 {
    newest.unwrap_or(0)
}

fn main() {}
