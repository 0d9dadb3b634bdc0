//! DuckDB databases as resources: connections, frames in and out, and who has the file.

mod frames;
mod owners;
mod resource;
mod types;

use lakewright::duckdb::{Connection, DuckDb};
use tempfile::{TempDir, tempdir};

/// A database file in a folder of its own.
fn file() -> (TempDir, DuckDb) {
    let folder = tempdir().unwrap();
    let database = DuckDb::open(folder.path().join("warehouse.duckdb"));
    (folder, database)
}

fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_value(&format!("SELECT count(*) FROM {table}"), []).unwrap()
}
