use lakewright::prelude::*;

#[asset]
fn plot() -> Bytes {
    Bytes::new(*b"<svg/>", "svg")
}

#[asset]
fn count(plot: Vec<u8>) -> usize {
    plot.len()
}

fn main() {}
