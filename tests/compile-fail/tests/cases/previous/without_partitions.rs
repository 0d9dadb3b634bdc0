use lakewright::prelude::*;

#[asset]
fn running(#[input(previous)] before: Option<f64>) -> f64 {
    let _ = before;
    20.5
}

#[asset]
fn after(running: f64) -> f64 {
    running
}

fn main() {}
