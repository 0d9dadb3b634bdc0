use lakewright::prelude::*;

#[derive(Columns)]
struct Iris {
    species: String,
    petal_width: f64,
}

#[asset(io_manager = "delta", partition_expr = "specie")]
fn iris() -> Result<Rows<Iris, DataFrame>> {
    Rows::new(read()?)
}

fn read() -> Result<DataFrame> {
    Ok(DataFrame::empty())
}

fn main() {}
