use lakewright::prelude::*;

#[asset(io_manger = "delta")]
fn iris() -> DataFrame {
    DataFrame::default()
}

#[asset]
fn cleaned(iris: Vec<f64>) -> Vec<f64> {
    iris
}

struct Model;

#[asset]
fn model() -> Model {
    Model
}

#[asset]
fn rows((height, width): (i64, i64)) -> i64 {
    height * width
}

#[asset]
fn report() {}

fn main() {}
