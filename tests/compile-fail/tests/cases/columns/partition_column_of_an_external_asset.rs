use lakewright::prelude::*;

#[derive(Columns)]
struct Iris {
    species: String,
    petal_width: f64,
}

#[external_asset(io_manager = "delta", partition_expr = "day")]
fn iris() -> Rows<Iris, LazyFrame>;

fn main() {}
