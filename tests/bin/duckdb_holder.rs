//! Another process that has a DuckDB file open: says when it has, and has it until its input ends.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is how the tests know")]

use std::io::{Read, stdin};

use lakewright::duckdb::DuckDb;
use lakewright::prelude::*;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_default();
    let database = DuckDb::open(path);
    database.connection()?.execute("CREATE OR REPLACE TABLE held AS SELECT 1 AS yes")?;
    println!("held");
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
