//! The assets. Each is a plain function; its parameters are the assets it is made from.

use lakewright::prelude::*;

use crate::plot;

/// Edgar Anderson's irises as they were measured, one flower twice.
#[asset(io_manager = "delta", group = "raw", kinds = ["csv"])]
fn iris_dataset() -> Result<DataFrame> {
    let file = lakewright_examples::data("iris.csv");
    Ok(CsvReadOptions::default().try_into_reader_with_file_path(Some(file))?.finish()?)
}

/// Every flower once, and none that was not measured completely.
#[asset(io_manager = "delta", partition_expr = "species")]
fn iris_cleaned(iris_dataset: LazyFrame) -> LazyFrame {
    iris_dataset.drop_nulls(None).unique_stable(None, UniqueKeepStrategy::First)
}

/// Only these two columns are read from the disk.
#[asset(io_manager = "delta")]
fn sepal_data(#[input(columns = ["sepal_length_cm", "sepal_width_cm"])] iris_cleaned: DataFrame) -> DataFrame {
    iris_cleaned
}

/// Petals by length and width, one colour per species.
#[asset(io_manager = "fs", group = "reports", kinds = ["plotters"])]
fn iris_plot(context: &Context, iris_cleaned: &DataFrame) -> Result<Bytes> {
    context.add_metadata("flowers", i64::try_from(iris_cleaned.height()).unwrap_or(i64::MAX));
    Ok(Bytes::new(plot::petals(iris_cleaned)?, "svg"))
}

/// What was harvested where. The herbarium writes this table; we only read it.
#[external_asset(io_manager = "delta", group = "raw", owners = ["herbarium@example.org"])]
fn iris_harvest_data() -> LazyFrame;

/// How many of the harvested plants were measured, by species.
#[asset(io_manager = "csv", group = "reports")]
fn harvest_report(iris_cleaned: LazyFrame, iris_harvest_data: LazyFrame) -> LazyFrame {
    let measured = iris_cleaned.group_by([col("species")]).agg([len().cast(DataType::Int64).alias("measured")]);
    iris_harvest_data
        .join(measured, [col("species")], [col("species")], JoinArgs::new(JoinType::Left))
        .select([col("species"), col("harvested_on"), col("plants"), col("measured")])
        .sort(["species"], SortMultipleOptions::default())
}

#[cfg(test)]
mod tests {
    use lakewright::prelude::*;
    use lakewright::testing::TestRun;

    /// Three flowers, of which one is there twice and one was not measured completely.
    fn measured() -> Result<DataFrame> {
        Ok(df!(
            "species" => ["Iris-setosa", "Iris-setosa", "Iris-virginica", "Iris-virginica"],
            "petal_length_cm" => [Some(1.4), Some(1.4), Some(6.0), None],
            "petal_width_cm" => [0.2, 0.2, 2.5, 1.9],
        )?)
    }

    #[test]
    fn every_flower_is_there_once_and_complete() -> Result<()> {
        let outcome = TestRun::new().with("iris_dataset", measured()?).materialize("iris_cleaned")?;
        outcome.assert_success().assert_rows("iris_cleaned", 2);
        Ok(())
    }

    #[test]
    fn the_plot_and_the_report_are_made_of_clean_flowers() -> Result<()> {
        let harvested = df!("species" => ["Iris-setosa"], "harvested_on" => ["1935-06-01"], "plants" => [50])?;
        let outcome = TestRun::new()
            .with("iris_dataset", measured()?)
            .with("iris_harvest_data", harvested)
            .materialize("*iris_plot or *harvest_report")?;
        outcome.assert_success().assert_metadata("iris_plot", "flowers", 2);
        assert_eq!(outcome.bytes("iris_plot").extension(), "svg");
        let report: DataFrame = outcome.frame("harvest_report");
        assert_eq!(report.column("measured")?.i64()?.get(0), Some(1));
        Ok(())
    }
}
