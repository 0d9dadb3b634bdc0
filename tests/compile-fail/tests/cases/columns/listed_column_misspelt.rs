use lakewright::prelude::*;

#[derive(Columns)]
struct Iris {
    species: String,
    petal_width: f64,
    petal_length: f64,
}

#[external_asset]
fn iris() -> Rows<Iris, LazyFrame>;

#[asset]
fn widths(#[input(columns = ["specis", "petal_width"])] iris: LazyFrame) -> LazyFrame {
    iris
}

fn main() {}
