use lakewright::prelude::*;

#[derive(Columns)]
struct Reading {
    #[column(name = 3)]
    kind: String,
}

fn main() {}
