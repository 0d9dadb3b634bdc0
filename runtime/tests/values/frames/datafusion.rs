//! DataFusion frames: plans that stay plans, tables that they scan, and joins of inputs.

use std::sync::Mutex;

use lakewright::datafusion::arrow::datatypes::SchemaRef as DataFusionSchema;
use lakewright::datafusion::dataframe::DataFrame as Plan;
use lakewright::datafusion::datasource::MemTable;
use lakewright::datafusion::functions_aggregate::expr_fn::{count, sum};
use lakewright::datafusion::physical_plan::displayable;
use lakewright::datafusion::prelude::{JoinType, col as column, lit as value};
use lakewright::frame::datafusion::session;

use super::*;

/// A DataFusion frame over batches.
pub(crate) fn frame_of(batches: Vec<RecordBatch>) -> Plan {
    let schema: DataFusionSchema = batches[0].schema();
    session().read_table(Arc::new(MemTable::try_new(schema, vec![batches]).unwrap())).unwrap()
}

/// Runs something asynchronous.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

#[test]
fn a_plan_is_not_computed_before_it_is_stored() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let batches = (0..3).map(move |index| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(batch(index..index + 1))
    });
    let input = RecordBatchStream::from_batches(schema(), batches).into_table();
    let plan = Plan::from_table(input).unwrap().filter(column("n").gt(value(0_i64))).unwrap();
    let mut table = plan.into_table();
    assert_eq!(table.schema().unwrap().len(), 2);
    assert!(!table.is_eager());
    assert_eq!(made.load(Ordering::SeqCst), 0);
    assert_eq!(blocking(move || table.materialize().unwrap().rows()), 2);
    assert_eq!(made.load(Ordering::SeqCst), 3);
}

#[test]
fn a_plan_that_polars_stores_goes_through_a_file() {
    blocking(|| {
        let folder = tempfile::tempdir().unwrap();
        let (plan, computed) = counted(100_000);
        let doubled = Plan::from_table(plan.into_table()).unwrap().filter(column("n").lt(value(5_i64))).unwrap();
        assert_eq!(computed.load(Ordering::SeqCst), 0);
        let (table, spool) = doubled.into_table().into_polars_in(folder.path()).unwrap();
        assert!(matches!(table, PolarsTable::Lazy(_)) && spool.is_some());
        assert_eq!(table.into_eager().unwrap().height(), 5);
    });
}

#[test]
fn a_polars_plan_reads_only_the_columns_that_a_query_needs() {
    run(async {
        let (plan, computed) = counted(1000);
        let frame = Plan::from_table(plan.into_table()).unwrap();
        let only = frame.clone().select_columns(&["n"]).unwrap();
        assert_eq!(rows(&only.collect().await.unwrap()), 1000);
        assert_eq!(computed.load(Ordering::SeqCst), 0, "the other column was not computed");
        let total = frame.clone().aggregate(Vec::new(), vec![count(value(1_i64))]).unwrap().collect().await.unwrap();
        assert_eq!(total[0].column(0).as_primitive::<Int64Type>().value(0), 1000);
        assert_eq!(computed.load(Ordering::SeqCst), 0, "rows are counted without it");
        let twice = frame.aggregate(Vec::new(), vec![sum(column("twice"))]).unwrap().collect().await.unwrap();
        assert_eq!(twice[0].column(0).as_primitive::<Int64Type>().value(0), 999_000);
        assert_eq!(computed.load(Ordering::SeqCst), 1000);
    });
}

#[test]
fn columns_and_a_limit_are_pushed_into_the_scan_of_a_file() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.csv");
        std::fs::write(&path, "n,twice\n1,2\n2,4\n3,6\n").unwrap();
        let scan = lakewright::polars::prelude::LazyCsvReader::new(path.to_str().unwrap().into());
        let scan = lakewright::polars::prelude::LazyFileListReader::finish(scan).unwrap();
        let frame = Plan::from_table(scan.into_table()).unwrap();
        let some = frame.select_columns(&["twice"]).unwrap().limit(0, Some(2)).unwrap();
        let physical = some.clone().create_physical_plan().await.unwrap();
        let shown = displayable(physical.as_ref()).indent(true).to_string();
        assert!(shown.contains("fetch=2"), "{shown}");
        assert_eq!(rows(&some.collect().await.unwrap()), 2);
    });
}

#[test]
fn a_polars_plan_may_be_scanned_twice_and_a_stream_once() {
    run(async {
        let (plan, _) = counted(10);
        let twice = |frame: Plan| {
            let (left, right) = (frame.clone().alias("l").unwrap(), frame.alias("r").unwrap());
            left.join(right, JoinType::Inner, &["n"], &["n"], None).unwrap()
        };
        let joined = twice(Plan::from_table(plan.into_table()).unwrap()).collect().await.unwrap();
        assert_eq!(rows(&joined), 10);
        let stream = Plan::from_table(stream_of(vec![batch(0..10)]).into_table()).unwrap();
        let error = Error::from(twice(stream).collect().await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains("reads an input twice that is a stream"), "{error}");
    });
}

#[test]
fn two_inputs_join_whatever_they_are_made_of() {
    run(async {
        let (plan, _) = counted(10);
        let left = Plan::from_table(plan.into_table()).unwrap().alias("l").unwrap();
        let right = Plan::from_table(stream_of(vec![batch(5..20)]).into_table()).unwrap().alias("r").unwrap();
        let joined = left.join(right, JoinType::Inner, &["n"], &["n"], None).unwrap();
        let joined = joined.select(vec![column("l.n"), (column("l.twice") + column("r.twice")).alias("four")]).unwrap();
        let batches = joined.sort_by(vec![column("n")]).unwrap().collect().await.unwrap();
        assert_eq!(numbers(&batches), [5, 6, 7, 8, 9]);
    });
}

#[test]
fn sql_reads_inputs_by_the_names_they_are_given_in_a_session_of_its_own() {
    run(async {
        let (plan, _) = counted(10);
        let mine = session();
        mine.register_table("readings", Plan::from_table(plan.into_table()).unwrap().into_view()).unwrap();
        mine.register_table("others", frame_of(vec![batch(0..3)]).into_view()).unwrap();
        let query = "SELECT r.n FROM readings r JOIN others o ON r.n = o.n WHERE r.twice > 0 ORDER BY r.n";
        let table = mine.sql(query).await.unwrap().into_table();
        let stream = RecordBatchStream::from_table(table).unwrap();
        let batches: Vec<RecordBatch> = futures::TryStreamExt::try_collect(stream).await.unwrap();
        assert_eq!(numbers(&batches), [1, 2]);
        assert!(session().table("readings").await.is_err(), "another session does not see it");
    });
}

#[test]
fn a_query_that_stops_early_stops_the_polars_plan() {
    run(async {
        let (plan, computed) = counted(5_000_000);
        let frame = Plan::from_table(plan.into_table()).unwrap();
        let few = frame.filter(column("twice").gt(value(10_i64))).unwrap().limit(0, Some(3)).unwrap();
        assert_eq!(rows(&few.collect().await.unwrap()), 3);
        let ended = async {
            while Arc::strong_count(&computed) > 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), ended).await.expect("the plan ends");
        assert!(computed.load(Ordering::SeqCst) < 5_000_000);
    });
}

#[test]
fn errors_of_an_input_come_out_of_the_query_as_they_were() {
    blocking(|| {
        let seen = Arc::new(Mutex::new(0));
        let count = Arc::clone(&seen);
        let batches = (0..3).map(move |index| {
            *count.lock().unwrap() += 1;
            if index == 1 { Err(failure()) } else { Ok(batch(0..1)) }
        });
        let input = RecordBatchStream::from_batches(schema(), batches).into_table();
        let plan = Plan::from_table(input).unwrap().filter(column("n").gt_eq(value(0_i64))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let error = plan.into_table().into_polars_in(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Body, "{error}");
        assert!(error.to_string().contains("the well is dry"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(*seen.lock().unwrap(), 2);
    });
}

#[test]
fn errors_of_a_query_name_what_is_missing() {
    let frame = frame_of(vec![batch(0..1)]);
    let error = Error::from(frame.select_columns(&["m"]).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.message().contains('m'), "{error}");
}

#[test]
fn a_preview_computes_the_first_rows_only() {
    blocking(|| {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let batches = (0..1000).map(move |index| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(batch(index..index + 1))
        });
        let input = RecordBatchStream::from_batches(schema(), batches).into_table();
        let preview = Plan::from_table(input).unwrap().into_table().preview(3).unwrap();
        assert_eq!(preview.rows, [["0", "0"], ["1", "2"], ["2", "4"]]);
        assert!(made.load(Ordering::SeqCst) < 100, "{made:?} batches were read");
    });
}
