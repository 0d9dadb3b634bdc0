use lakewright::prelude::*;

#[asset]
fn iris() -> DataFrame {
    DataFrame::default()
}

#[asset]
fn rows(iris: Vec<f64>) -> usize {
    iris.len()
}

fn main() {}
