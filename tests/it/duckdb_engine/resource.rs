//! `Resource<DuckDb>` in assets, and what connections leave behind.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lakewright::ErrorKind;
use lakewright::duckdb::{DuckDb, SqlValue};
use lakewright::frame::arrow::RecordBatchStream;
use lakewright::prelude::*;

use super::{count, file};
use crate::support::{run_all, run_to_failure};

#[test]
fn one_asset_creates_by_sql_what_another_reads_twice_over() {
    #[asset(io_manager = "memory")]
    fn b05_created(warehouse: Resource<DuckDb>) -> Result<()> {
        let connection = warehouse.connection()?;
        connection.execute(
            "CREATE SCHEMA IF NOT EXISTS iris; CREATE OR REPLACE TABLE iris.flowers AS SELECT * FROM range(150) t(id)",
        )?;
        Ok(())
    }
    #[asset(io_manager = "memory", deps = [b05_created])]
    fn b05_read(warehouse: Resource<DuckDb>) -> Result<i64> {
        warehouse.connection()?.query_value("SELECT count(*) FROM iris.flowers", [])
    }

    let (folder, database) = file();
    let lakehouse = Lakehouse::builder()
        .root(folder.path())
        .registry(Registry::of(assets![b05_read, b05_created]))
        .resource("warehouse", database.clone())
        .build()
        .unwrap();
    assert!(!folder.path().join("warehouse.duckdb").exists(), "building a lakehouse opens nothing");
    for _ in 0..2 {
        run_all(&lakehouse);
        assert_eq!(count(&database.connection().unwrap(), "iris.flowers"), 150);
    }
}

#[test]
fn a_body_that_fails_gives_back_its_connection_and_what_it_had_not_committed() {
    #[asset(io_manager = "memory")]
    fn b05_fails(warehouse: Resource<DuckDb>) -> Result<()> {
        let connection = warehouse.connection()?;
        connection.execute("BEGIN; DELETE FROM kept; CREATE TEMP TABLE mine AS SELECT 1; CREATE TEMP VIEW seen AS SELECT 2")?;
        connection.execute("SELECT * FROM nowhere")?;
        Ok(())
    }

    let (folder, database) = file();
    database.connection().unwrap().execute("CREATE TABLE kept AS SELECT * FROM range(3)").unwrap();
    let registry = Registry::of(assets![b05_fails]);
    let builder = Lakehouse::builder().root(folder.path()).registry(registry).resource("warehouse", database.clone());
    let lakehouse = builder.build().unwrap();
    for _ in 0..3 {
        let failure = run_to_failure(&lakehouse);
        assert!(format!("{failure:?}").contains("nowhere"), "{failure:?}");
        let connection = database.connection().unwrap();
        assert_eq!(count(&connection, "kept"), 3, "what was not committed is as it was");
        for gone in ["mine", "seen"] {
            let error = connection.execute(&format!("SELECT * FROM {gone}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Missing, "{error:?}");
        }
        connection.execute("DROP TABLE IF EXISTS other; CREATE TABLE other AS SELECT 1").unwrap();
    }
}

#[test]
fn a_transaction_whose_rows_are_still_read_is_over_before_the_next_statement() {
    let (_folder, database) = file();
    let connection = database.connection().unwrap();
    connection.execute("CREATE TABLE t AS SELECT * FROM range(300001) AS r(n)").unwrap();
    let unread: Result<RecordBatchStream> = connection.transaction(|tx| {
        tx.execute("DELETE FROM t WHERE n = 0")?;
        let kept: RecordBatchStream = tx.query("FROM t")?;
        // It outlives the transaction, which therefore cannot be committed.
        *KEPT.lock().unwrap() = Some(kept);
        tx.query("FROM t")
    });
    assert!(unread.is_err());
    drop(KEPT.lock().unwrap().take());
    while connection.execute("INSERT INTO t VALUES (-1)").is_err() {
        std::thread::yield_now();
    }
    assert_eq!(count(&database.connection().unwrap(), "t"), 300_002, "what failed is undone, and what came after is kept");
}

static KEPT: std::sync::Mutex<Option<RecordBatchStream>> = std::sync::Mutex::new(None);

#[test]
fn a_transaction_is_committed_or_rolled_back_also_where_its_body_panics() {
    let connection = DuckDb::in_memory().connection().unwrap();
    connection.execute("CREATE TABLE t (n BIGINT)").unwrap();
    let done: Result<u64> = connection.transaction(|tx| tx.execute("INSERT INTO t VALUES (1), (2)"));
    assert_eq!(done.unwrap(), 2);

    let failed: Result<()> = connection.transaction(|tx| {
        tx.execute("DELETE FROM t")?;
        tx.execute("SELECT * FROM nowhere").map(|_| ())
    });
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Missing);
    assert_eq!(count(&connection, "t"), 2);

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        connection.transaction(|tx| -> Result<()> {
            tx.execute("DELETE FROM t")?;
            panic!("no more flowers")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(count(&connection, "t"), 2);
}

#[test]
fn of_two_transactions_that_change_one_row_the_second_can_be_tried_again() {
    let (_folder, database) = file();
    let (first, second) = (database.connection().unwrap(), database.connection().unwrap());
    first.execute("CREATE TABLE t AS SELECT 1 AS n").unwrap();
    first.execute("BEGIN; UPDATE t SET n = 2").unwrap();
    second.execute("BEGIN").unwrap();
    let error = second.execute("UPDATE t SET n = 3").unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Conflict, true), "{error:?}");
    first.execute("COMMIT").unwrap();
    second.execute("ROLLBACK").unwrap();
    second.execute("UPDATE t SET n = n + 10").unwrap();
    assert_eq!(first.query_value::<i64>("SELECT n::BIGINT FROM t", []).unwrap(), 12);
}

#[test]
fn values_are_bound_and_read() {
    let connection = DuckDb::in_memory().connection().unwrap();
    let date = jiff_date(2024, 2, 29);
    let values: [(SqlValue, &str); 8] = [
        (true.into(), "BOOLEAN"),
        ((-3i64).into(), "BIGINT"),
        (u64::MAX.into(), "UBIGINT"),
        (1.5.into(), "DOUBLE"),
        ("it's \"quoted\"".into(), "VARCHAR"),
        (vec![0u8, 255].into(), "BLOB"),
        (date.into(), "DATE"),
        (date.at(23, 59, 59, 123_456_000).into(), "TIMESTAMP"),
    ];
    for (value, data_type) in values {
        let seen: SqlValue = connection.query_value(&format!("SELECT ?::{data_type}"), [value.clone()]).unwrap();
        assert_eq!(seen, value);
        let null: SqlValue = connection.query_value(&format!("SELECT ?::{data_type}"), [SqlValue::Null]).unwrap();
        assert_eq!(null, SqlValue::Null);
    }
    let error = connection.execute_with("SELECT ?, ?", [1.into()]).unwrap_err();
    assert!(error.message().contains("2 parameters") && error.message().contains("1 values"), "{error:?}");
    let error = connection.query_value::<i64>("SELECT 1 WHERE false", []).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    let error = connection.query_value::<i64>("SELECT 'one'", []).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
}

fn jiff_date(year: i16, month: i8, day: i8) -> lakewright::jiff::civil::Date {
    lakewright::jiff::civil::date(year, month, day)
}

#[test]
fn an_error_says_what_sql_said_and_where() {
    let (folder, database) = file();
    let connection = database.connection().unwrap();
    let error = connection.execute("SELEC 1").unwrap_err();
    let text = format!("{error:?}");
    assert!(text.contains("syntax error") && text.contains("LINE 1: SELEC 1"), "{text}");
    let path = std::fs::canonicalize(folder.path()).unwrap().join("warehouse.duckdb");
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    assert_eq!(connection.execute("SELECT nothing FROM (SELECT 1 AS n)").unwrap_err().kind(), ErrorKind::Schema);
    assert_eq!(connection.execute("SELECT CAST('x' AS INTEGER)").unwrap_err().kind(), ErrorKind::Value);
}

#[test]
fn what_needs_icu_says_that_there_is_none() {
    let connection = DuckDb::in_memory().connection().unwrap();
    for sql in
        ["SELECT timezone('Europe/Berlin', TIMESTAMP '2024-01-01')", "SELECT TIMESTAMP '2024-01-01' AT TIME ZONE 'Asia/Tokyo'"]
    {
        let error = connection.execute(sql).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert!(error.help_text().is_some_and(|help| help.contains("has no ICU")), "{error:?}");
    }
    let setting = |name: &str| -> bool { connection.query_value(&format!("SELECT current_setting('{name}')"), []).unwrap() };
    assert!(!setting("autoinstall_known_extensions") && !setting("autoload_known_extensions"), "nothing is downloaded");
}
