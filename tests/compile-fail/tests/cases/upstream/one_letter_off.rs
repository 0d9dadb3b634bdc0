use lakewright::prelude::*;

#[asset]
fn iris_dataset() -> LazyFrame {
    LazyFrame::default()
}

#[asset]
fn iris_cleaned(iris_datset: LazyFrame) -> LazyFrame {
    iris_datset.drop_nulls(None)
}

fn main() {}
