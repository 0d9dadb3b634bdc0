use lakewright::prelude::*;

#[asset]
fn migrate() -> () {}

#[asset(deps = [migrated])]
fn count() -> usize {
    3
}

fn main() {}
