//! Frames as views, and queries as frames: any type, larger than a chunk, and what goes wrong on the way.

use std::sync::Arc;

use futures::StreamExt;
use lakewright::ErrorKind;
use lakewright::arrow::array::{Int64Array, RecordBatch};
use lakewright::arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema as ArrowSchema};
use lakewright::datafusion::dataframe::DataFrame as DataFusionFrame;
use lakewright::duckdb::DuckDb;
use lakewright::frame::arrow::RecordBatchStream;
use lakewright::frame::datafusion::session;
use lakewright::prelude::*;

use crate::support::{abc, integers};

/// More than a vector of DuckDB, and no multiple of one.
const MANY: i64 = 300_001;

fn stream(batches: Vec<Result<RecordBatch>>) -> RecordBatchStream {
    let schema = ArrowSchema::new(vec![ArrowField::new("n", ArrowType::Int64, false)]);
    RecordBatchStream::from_batches(Arc::new(schema), batches)
}

fn batch(numbers: impl Iterator<Item = i64>) -> Result<RecordBatch> {
    let schema = ArrowSchema::new(vec![ArrowField::new("n", ArrowType::Int64, false)]);
    Ok(RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from_iter_values(numbers))])?)
}

/// Runs where blocking is allowed and a stream finds a runtime, as the body of an asset does.
fn blocking<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    crate::support::block_on(async { tokio::task::spawn_blocking(body).await.unwrap() })
}

#[test]
fn any_frame_is_a_view_whose_rows_and_order_are_its_own() {
    blocking(|| {
        let connection = DuckDb::in_memory().connection().unwrap();
        let plan = || df!("n" => (0..MANY).collect::<Vec<_>>()).unwrap().lazy().with_column(col("n") * lit(1));
        connection.register("eager", plan().collect().unwrap()).unwrap();
        connection.register("lazy", plan()).unwrap();
        connection.register("batch", batch(0..MANY).unwrap()).unwrap();
        connection.register("batches", vec![batch(0..7).unwrap(), batch(7..7).unwrap(), batch(7..MANY).unwrap()]).unwrap();
        connection.register("stream", stream((0..MANY).step_by(1000).map(|n| batch(n..MANY.min(n + 1000))).collect())).unwrap();
        let numbers = session().read_batch(batch(0..MANY).unwrap()).unwrap();
        connection.register("fusion", numbers).unwrap();
        for view in ["eager", "lazy", "batch", "batches", "stream", "fusion"] {
            connection.execute(&format!("CREATE TABLE {view}_rows AS FROM {view}")).unwrap();
            let rows: DataFrame = connection.query(&format!("FROM {view}_rows")).unwrap();
            assert_eq!(integers(&rows, "n"), (0..MANY).collect::<Vec<_>>(), "{view}");
        }
        for view in ["eager", "lazy", "batch", "batches"] {
            let filtered: i64 =
                connection.query_value(&format!("SELECT count(*) FROM {view} WHERE n % 1000 = ?"), [7.into()]).unwrap();
            assert_eq!(filtered, 300, "{view} is read any number of times, and filters are kept");
        }
        for view in ["stream", "fusion"] {
            let error = connection.execute(&format!("SELECT count(*) FROM {view}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
            assert!(error.message().contains("read twice"), "{error:?}");
        }
    });
}

#[test]
fn columns_and_filters_of_a_view_are_the_right_ones() {
    let connection = DuckDb::in_memory().connection().unwrap();
    let frame = df!("a" => [1i64, 2, 3], "b" => ["x", "y", "z"], "c" => [Some(0.5), None, Some(1.5)]).unwrap();
    connection.register("odd \"name\"", frame).unwrap();
    let seen: DataFrame = connection.query("SELECT c, a FROM \"odd \"\"name\"\"\" WHERE b <> 'x' ORDER BY a DESC").unwrap();
    assert_eq!(seen, df!("c" => [Some(1.5), None], "a" => [3i64, 2]).unwrap());
    connection.register("odd \"name\"", abc()).unwrap();
    let seen: DataFrame = connection.query("FROM \"odd \"\"name\"\"\"").unwrap();
    assert_eq!(seen, abc(), "a later frame takes the name over");
    let other: DataFrame =
        connection.query("SELECT x.a FROM \"odd \"\"name\"\"\" x JOIN \"odd \"\"name\"\"\" y ON x.b = y.b").unwrap();
    assert_eq!(other.height(), 3);
}

#[test]
fn a_query_is_any_frame() {
    blocking(|| {
        let connection = DuckDb::in_memory().connection().unwrap();
        let sql = format!("SELECT range AS n, 'row ' || range AS text FROM range({MANY})");
        let eager: DataFrame = connection.query(&sql).unwrap();
        assert_eq!((eager.height(), eager.width()), (usize::try_from(MANY).unwrap(), 2));
        let lazy: LazyFrame = connection.query(&sql).unwrap();
        assert_eq!(lazy.collect().unwrap(), eager);
        let batch: RecordBatch = connection.query(&sql).unwrap();
        assert_eq!(batch.num_rows(), eager.height());
        let fusion: DataFusionFrame = connection.query(&sql).unwrap();
        let runtime = tokio::runtime::Handle::current();
        assert_eq!(runtime.block_on(fusion.count()).unwrap(), eager.height());
        let empty: DataFrame = connection.query(&format!("SELECT * FROM ({sql}) WHERE n < 0")).unwrap();
        assert_eq!((empty.height(), empty.schema()), (0, eager.schema()));
    });
}

#[test]
fn a_stream_has_its_connection_until_it_is_read_or_dropped() {
    blocking(|| {
        let database = DuckDb::in_memory();
        let connection = database.connection().unwrap();
        let mut stream: RecordBatchStream = connection.query(&format!("FROM range({MANY})")).unwrap();
        let runtime = tokio::runtime::Handle::current();
        assert!(runtime.block_on(stream.next()).unwrap().unwrap().num_rows() > 0);
        let error = connection.execute("SELECT 1").unwrap_err();
        assert!(error.message().contains("busy"), "{error:?}");
        database.connection().unwrap().execute("SELECT 1").unwrap();
        let mut rows = 0;
        drop(connection);
        while let Some(batch) = runtime.block_on(stream.next()) {
            rows += batch.unwrap().num_rows();
        }
        assert!(rows > 200_000, "the rest is read after the connection was dropped");
    });
}

#[test]
fn an_error_in_the_middle_is_the_frames_own_and_nothing_is_stored() {
    blocking(|| {
        let connection = DuckDb::in_memory().connection().unwrap();
        connection.execute("CREATE TABLE t AS SELECT 1::BIGINT AS n").unwrap();
        let broken = Error::new(ErrorKind::StrayRows, "the third batch is broken").retryable();
        connection.register("s", stream(vec![batch(0..5000), batch(5000..9000), Err(broken)])).unwrap();
        let error = connection.execute("INSERT INTO t FROM s").unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::StrayRows, "the third batch is broken"));
        assert!(error.is_retryable());
        assert_eq!(super::count(&connection, "t"), 1);
        let failing = df!("n" => ["1", "x"]).unwrap().lazy().select([col("n").strict_cast(DataType::Int64)]);
        connection.register("p", failing).unwrap();
        assert_eq!(connection.execute("INSERT INTO t FROM p").unwrap_err().kind(), ErrorKind::Value);
        assert_eq!(super::count(&connection, "t"), 1);
    });
}

#[test]
fn an_error_in_the_middle_of_a_query_ends_its_stream() {
    blocking(|| {
        let connection = DuckDb::in_memory().connection().unwrap();
        let sql = format!("SELECT CASE WHEN range = {MANY} - 1 THEN error('too far') ELSE range END AS n FROM range({MANY})");
        for error in [
            connection.query::<DataFrame>(&sql).unwrap_err(),
            connection.query::<LazyFrame>(&sql).map(|_| ()).unwrap_err(),
            connection.query::<RecordBatch>(&sql).unwrap_err(),
        ] {
            assert!(error.to_string().contains("too far"), "{error:?}");
        }
        assert_eq!(connection.query::<LazyFrame>("FROM nowhere").map(|_| ()).unwrap_err().kind(), ErrorKind::Missing);
    });
}
