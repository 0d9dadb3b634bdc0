use lakewright::prelude::*;

#[asset]
fn iris() -> DataFrame {
    DataFrame::default()
}

#[asset]
fn rows(iris: Option<Vec<f64>>) -> usize {
    iris.map_or(0, |rows| rows.len())
}

fn main() {}
