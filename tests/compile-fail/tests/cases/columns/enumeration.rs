use lakewright::prelude::*;

#[derive(Columns)]
enum Reading {
    Hot,
    Cold,
}

fn main() {}
