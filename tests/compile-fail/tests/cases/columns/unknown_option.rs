use lakewright::prelude::*;

#[derive(Columns)]
struct Reading {
    #[column(nam = "type")]
    kind: String,
}

fn main() {}
