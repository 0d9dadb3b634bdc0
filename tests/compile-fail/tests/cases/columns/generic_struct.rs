use lakewright::prelude::*;

#[derive(Columns)]
struct Reading<T> {
    station: String,
    value: T,
}

fn main() {}
