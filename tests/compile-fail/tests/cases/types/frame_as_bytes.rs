use lakewright::prelude::*;

#[asset]
fn iris() -> DataFrame {
    DataFrame::default()
}

#[asset]
fn size(iris: &Bytes) -> usize {
    iris.len()
}

fn main() {}
