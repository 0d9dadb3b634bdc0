//! Every frame type through `Table`: round trips, laziness, and streams that are never whole in memory.

#![cfg(all(feature = "arrow", feature = "polars"))]
#![allow(clippy::unwrap_used, reason = "a test that unwraps has failed where it says")]

#[cfg(feature = "datafusion")]
mod datafusion;
mod streams;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lakewright::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use lakewright::arrow::compute::concat_batches;
use lakewright::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use lakewright::frame::arrow::{ArrowTable, RecordBatchStream};
use lakewright::frame::polars::PolarsTable;
use lakewright::frame::{Frame, Table};
use lakewright::polars::prelude::{Column, DataFrame, IntoColumn, IntoLazy, LazyFrame, col, df, lit};
use lakewright::{Error, ErrorKind, Result};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true), Field::new("twice", DataType::Int64, true)]))
}

fn batch(numbers: std::ops::Range<i64>) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.clone()));
    let twice: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.map(|n| 2 * n)));
    RecordBatch::try_new(schema(), vec![column, twice]).unwrap()
}

fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

/// A plan that counts how many rows of it have been computed.
fn counted(rows: i64) -> (LazyFrame, Arc<AtomicUsize>) {
    let computed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&computed);
    let numbers = Column::new("n".into(), (0..rows).collect::<Vec<_>>());
    let frame = DataFrame::new_infer_height(vec![numbers]).unwrap();
    let plan = frame.lazy().with_column((col("n") * lit(2)).alias("twice"));
    let plan = plan.with_column(col("twice").map(
        move |column| {
            count.fetch_add(column.len(), Ordering::SeqCst);
            Ok(column.into_column())
        },
        |_, field| Ok(field.clone()),
    ));
    (plan, computed)
}

/// Runs something that may block as an asset's body does: on a thread for that, inside of a runtime.
fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(runtime.spawn_blocking(job)).unwrap()
}

fn stream_of(batches: Vec<RecordBatch>) -> RecordBatchStream {
    RecordBatchStream::from_batches(schema(), batches.into_iter().map(Ok))
}

/// The same three rows as a table of each kind.
fn tables() -> Vec<Table> {
    let frame = df!("n" => [0_i64, 1, 2], "twice" => [0_i64, 2, 4]).unwrap();
    let mut tables = vec![
        frame.clone().into_table(),
        frame.lazy().into_table(),
        batch(0..3).into_table(),
        vec![batch(0..1), batch(1..3)].into_table(),
        stream_of(vec![batch(0..2), batch(2..3)]).into_table(),
    ];
    tables.extend(more_tables());
    tables
}

#[cfg(feature = "datafusion")]
fn more_tables() -> Vec<Table> {
    vec![datafusion::frame_of(vec![batch(0..3)]).into_table()]
}

#[cfg(not(feature = "datafusion"))]
fn more_tables() -> Vec<Table> {
    Vec::new()
}

#[test]
fn a_table_of_any_frame_is_read_as_any_other() {
    blocking(|| {
        for which in 0..tables().len() {
            let table = || tables().swap_remove(which);
            let name = format!("{:?}", table());
            let frame = df!("n" => [0_i64, 1, 2], "twice" => [0_i64, 2, 4]).unwrap();
            assert_eq!(DataFrame::from_table(table()).unwrap(), frame, "{name}");
            assert_eq!(LazyFrame::from_table(table()).unwrap().collect().unwrap(), frame, "{name}");
            assert_eq!(RecordBatch::from_table(table()).unwrap().columns(), batch(0..3).columns(), "{name}");
            assert_eq!(numbers(&Vec::from_table(table()).unwrap()), [0, 1, 2], "{name}");
            let stream = RecordBatchStream::from_table(table()).unwrap();
            let batches: Vec<RecordBatch> = stream.blocking_iter().unwrap().collect::<Result<_>>().unwrap();
            assert_eq!(concat_batches(&batches[0].schema(), &batches).unwrap().columns(), batch(0..3).columns(), "{name}");
        }
    });
}

#[test]
fn a_table_of_any_frame_is_kept_previewed_and_described() {
    blocking(|| {
        for mut table in tables() {
            let name = format!("{table:?}");
            let columns: Vec<String> = table.schema().unwrap().into_iter().map(|column| column.name).collect();
            assert_eq!(columns, ["n", "twice"], "{name}");
            let kept = table.materialize().unwrap();
            assert_eq!(kept.rows(), 3, "{name}");
            assert!(kept.bytes() >= 48, "{name}");
            assert_eq!(kept.columns().len(), 2, "{name}");
            let one = kept.table(Some(&["twice".into()])).unwrap();
            assert!(one.is_eager(), "{name}");
            assert_eq!(numbers(&Vec::from_table(one).unwrap()), [0, 2, 4], "{name}");
            let error = kept.table(Some(&["twise".into()])).unwrap_err();
            assert_eq!(error.message(), "there is no column `twise`", "{name}");
            let first = kept.table(None).unwrap().preview(2).unwrap();
            assert_eq!(first.rows, [["0", "0"], ["1", "2"]], "{name}");
        }
        for table in tables() {
            assert_eq!(table.preview(2).unwrap().rows, [["0", "0"], ["1", "2"]]);
        }
    });
}

#[test]
fn tables_are_concatenated_in_order() {
    blocking(|| {
        for first in 0..tables().len() {
            for second in 0..tables().len() {
                let both = vec![tables().swap_remove(first), tables().swap_remove(second)];
                let name = format!("{both:?}");
                let rows = numbers(&Vec::from_table(Table::concat(both).unwrap()).unwrap());
                assert_eq!(rows, [0, 1, 2, 0, 1, 2], "{name}");
            }
        }
    });
}

#[test]
fn one_table_is_itself_and_none_is_an_error() {
    let one = Table::concat(vec![batch(0..1).into_table()]).unwrap();
    assert!(matches!(one.downcast::<ArrowTable>().unwrap(), ArrowTable::Batches { .. }));
    assert_eq!(Table::concat(Vec::new()).unwrap_err().kind(), ErrorKind::Internal);
}

#[test]
fn tables_of_other_columns_are_not_concatenated() {
    let other: [(DataFrame, &str); 3] = [
        (df!("n" => [0_i32], "twice" => [0_i64]).unwrap(), "the column `n` is"),
        (df!("twice" => [0_i64], "n" => [0_i64]).unwrap(), "one table has a column `n` where another has `twice`"),
        (df!("n" => [0_i64]).unwrap(), "one table has 2 columns and another has 1"),
    ];
    for (other, message) in other {
        for first in [batch(0..1).into_table(), df!("n" => [0_i64], "twice" => [0_i64]).unwrap().lazy().into_table()] {
            let error = Table::concat(vec![first, other.clone().into_table()]).unwrap_err();
            assert!(error.message().starts_with(message), "{error}");
            assert_eq!(error.kind(), ErrorKind::Schema);
        }
    }
}

#[test]
fn polars_tables_stay_lazy_in_one() {
    let ((first, one), (second, two)) = (counted(10), counted(10));
    let mut both = Table::concat(vec![first.into_table(), second.into_table()]).unwrap();
    assert_eq!(both.schema().unwrap().len(), 2);
    assert!(!both.is_eager());
    assert_eq!((one.load(Ordering::SeqCst), two.load(Ordering::SeqCst)), (0, 0), "nothing was computed");
    assert_eq!(both.into_polars().unwrap().into_eager().unwrap().height(), 20);
    assert_eq!((one.load(Ordering::SeqCst), two.load(Ordering::SeqCst)), (10, 10));
}

#[test]
fn a_vector_without_batches_says_what_to_return_instead() {
    let error = Vec::<RecordBatch>::new().into_table().materialize().err().unwrap();
    assert_eq!(error.message(), "an empty `Vec<RecordBatch>` has no columns that could be stored");
    assert!(format!("{error:?}").contains("return a `RecordBatch` or a `RecordBatchStream`"), "{error:?}");
    assert_eq!(Vec::<RecordBatch>::new().into_table().into_polars().unwrap_err().kind(), ErrorKind::Schema);
    let empty = RecordBatch::new_empty(schema());
    assert_eq!(DataFrame::from_table(empty.into_table()).unwrap().shape(), (0, 2));
}

#[test]
fn arrow_batches_become_an_eager_frame_and_polars_tables_stay_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for table in [batch(0..3).into_table(), df!("n" => [1_i64]).unwrap().into_table()] {
        let (table, spool) = table.into_polars_in(folder.path()).unwrap();
        assert!(matches!(table, PolarsTable::Eager(_)) && spool.is_none());
    }
    let (plan, computed) = counted(10);
    let (table, spool) = plan.into_table().into_polars_in(folder.path()).unwrap();
    assert!(matches!(table, PolarsTable::Lazy(_)) && spool.is_none());
    assert_eq!(computed.load(Ordering::SeqCst), 0);
}

fn failure() -> Error {
    Error::new(ErrorKind::Body, "the well is dry")
}
