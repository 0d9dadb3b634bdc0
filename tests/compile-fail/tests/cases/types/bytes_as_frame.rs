use lakewright::prelude::*;

#[asset]
fn plot() -> Bytes {
    Bytes::new(*b"<svg/>", "svg")
}

#[asset]
fn rows(plot: DataFrame) -> usize {
    plot.height()
}

fn main() {}
