use lakewright::prelude::*;

#[asset]
fn iris_cleaned(iris_dataset: LazyFrame) -> LazyFrame {
    iris_dataset.drop_nulls(None)
}

fn main() {}
