use lakewright::prelude::*;

#[derive(Columns)]
struct Reading {
    station: String,
    #[column(name = "station")]
    place: String,
}

fn main() {}
