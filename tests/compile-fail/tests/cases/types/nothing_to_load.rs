use lakewright::prelude::*;

#[asset]
fn migrate() -> () {}

#[asset]
fn count(migrate: i64) -> i64 {
    migrate
}

fn main() {}
