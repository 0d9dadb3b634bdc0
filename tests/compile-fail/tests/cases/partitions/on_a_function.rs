use lakewright::prelude::*;

#[partitions(keys = ["a"])]
fn station() -> String {
    String::new()
}

fn main() {}
