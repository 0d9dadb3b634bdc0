use lakewright::prelude::*;

mod a {
    #[lakewright::partitions(keys = ["x"])]
    pub struct Station;
}

mod b {
    #[lakewright::partitions(keys = ["x"])]
    pub struct Station;
}

#[asset(partitions = a::Station)]
fn raw() -> f64 {
    20.5
}

#[asset(partitions = b::Station)]
fn cleaned(raw: f64) -> f64 {
    raw
}

fn main() {}
