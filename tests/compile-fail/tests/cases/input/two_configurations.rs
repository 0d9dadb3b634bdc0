use lakewright::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Limits {
    rows: i64,
}

#[asset]
fn count(low: Config<Limits>, high: Config<Limits>) -> i64 {
    high.rows - low.rows
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
