use lakewright::prelude::*;

#[asset]
fn total(total: i64) -> i64 {
    total + 1
}

fn main() {}
