use lakewright::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Limits {
    at_least: i64,
}

#[asset]
fn threshold(limits: Config<Limits>) -> i64 {
    limits.at_least
}

fn main() {}
