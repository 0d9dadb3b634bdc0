use lakewright::prelude::*;

#[derive(Columns)]
#[column(name = "readings")]
struct Reading {
    kind: String,
}

fn main() {}
