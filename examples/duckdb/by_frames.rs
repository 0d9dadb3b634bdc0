//! The assets whose tables a store keeps: what they return is written, and what they take is read.

use lakewright::prelude::*;

/// Edgar Anderson's irises as they were measured.
#[asset(io_manager = "duckdb", group = "frames", kinds = ["csv"])]
pub(crate) fn iris_dataset() -> Result<DataFrame> {
    let file = lakewright_examples::data("iris.csv");
    Ok(CsvReadOptions::default().try_into_reader_with_file_path(Some(file))?.finish()?)
}

/// One of the three species.
#[asset(io_manager = "duckdb", group = "frames")]
pub(crate) fn iris_setosa(iris_dataset: LazyFrame) -> LazyFrame {
    iris_dataset.filter(col("species").eq(lit("Iris-setosa")))
}
