use lakewright::prelude::*;

#[asset(deps = [load])]
fn migrate() -> () {}

#[asset]
fn load(rows: i64) -> () {
    let _ = rows;
}

#[asset(deps = [migrate])]
fn rows() -> i64 {
    3
}

fn main() {}
