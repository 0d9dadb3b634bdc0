use lakewright::prelude::*;

#[derive(Columns)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Columns)]
struct Place {
    x: f64,
    y: f32,
}

#[derive(Columns)]
struct Station {
    at: Point,
}

#[derive(Columns)]
struct Needed {
    at: Place,
}

#[external_asset]
fn stations() -> Rows<Station, LazyFrame>;

#[asset]
fn nearest(stations: Rows<Needed, LazyFrame>) -> LazyFrame {
    stations.into_inner()
}

fn main() {}
