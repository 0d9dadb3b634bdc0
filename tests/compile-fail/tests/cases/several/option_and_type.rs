use lakewright::prelude::*;

#[asset(grup = "raw")]
fn iris() -> DataFrame {
    DataFrame::default()
}

#[asset(retrys = 3)]
fn rows(iris: Vec<f64>) -> usize {
    iris.len()
}

fn main() {}
