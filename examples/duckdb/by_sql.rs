//! The assets that are SQL: a resource gives them a connection, and what depends on what is said by `deps`.

use lakewright::duckdb::DuckDb;
use lakewright::prelude::*;

use crate::by_frames::iris_setosa;

/// The same measurements. A frame is a view of the connection that it is registered with.
#[asset(group = "sql", kinds = ["csv", "duckdb"])]
fn dataset_by_sql(warehouse: Resource<DuckDb>) -> Result<()> {
    let file = lakewright_examples::data("iris.csv");
    let measured = CsvReadOptions::default().try_into_reader_with_file_path(Some(file))?.finish()?;
    let connection = warehouse.connection()?;
    connection.register("measured", measured)?;
    connection.execute(
        "CREATE SCHEMA IF NOT EXISTS iris_sql;
         CREATE OR REPLACE TABLE iris_sql.iris_dataset AS FROM measured",
    )?;
    Ok(())
}

#[asset(group = "sql", kinds = ["duckdb"], deps = [dataset_by_sql])]
fn setosa_by_sql(warehouse: Resource<DuckDb>) -> Result<()> {
    let connection = warehouse.connection()?;
    connection.execute_with(
        "CREATE OR REPLACE TABLE iris_sql.iris_setosa AS FROM iris_sql.iris_dataset WHERE species = ?",
        ["Iris-setosa".into()],
    )?;
    Ok(())
}

/// What one way has and the other has not: nothing.
#[asset(group = "sql", io_manager = "csv", deps = [setosa_by_sql, iris_setosa])]
fn differences(warehouse: Resource<DuckDb>) -> Result<DataFrame> {
    let sql = "FROM iris.iris_setosa EXCEPT ALL FROM iris_sql.iris_setosa";
    warehouse.connection()?.query(sql)
}
