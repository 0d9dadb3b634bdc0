use lakewright::prelude::*;

#[derive(Columns)]
struct Iris {
    species: String,
    petal_width: f64,
}

mod raw {
    use super::*;

    #[asset]
    pub(crate) fn iris() -> Result<Option<Rows<Iris, DataFrame>>> {
        Ok(None)
    }
}

#[asset]
fn widths(#[input(from = raw::iris, columns = ["colour", "petal_widht"])] rows: Option<Rows<Iris, LazyFrame>>) -> () {
    drop(rows);
}

fn main() {}
