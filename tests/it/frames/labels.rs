//! Labels of Polars enums in Arrow batches: an enum stays one, and a text that is none of its labels never becomes null.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lakewright::ErrorKind;
use lakewright::arrow::array::{ArrayRef, DictionaryArray, LargeListArray, RecordBatch, StructArray};
use lakewright::arrow::buffer::{NullBuffer, OffsetBuffer};
use lakewright::arrow::datatypes::{DataType as ArrowType, UInt8Type};
use lakewright::exec::PartitionChoice;
use lakewright::frame::arrow::RecordBatchStream;
use lakewright::frame::{Frame, Table};
use lakewright::prelude::*;
use tempfile::tempdir;

use super::bind;
use crate::support::{block_on, key, run_to_failure};

/// A column of an enum of two labels: the first, a null, and the second.
fn labelled(labels: [&str; 2]) -> DataFrame {
    let data_type = DataType::from_frozen_categories(FrozenCategories::new(labels).unwrap());
    let frame = df!("label" => [Some(labels[0]), None, Some(labels[1])]).unwrap();
    frame.lazy().with_column(col("label").strict_cast(data_type)).collect().unwrap()
}

/// The same column as Arrow has it.
fn batch(labels: [&str; 2]) -> RecordBatch {
    RecordBatch::from_table(labelled(labels).into_table()).unwrap()
}

/// A column of Arrow as it is made where nobody looks at what Polars has noted.
fn dictionary(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(texts.iter().copied().collect::<DictionaryArray<UInt8Type>>())
}

/// A batch like another with this column in place of its own.
fn with_column(batch: &RecordBatch, column: ArrayRef) -> RecordBatch {
    RecordBatch::try_new(batch.schema(), vec![column]).unwrap()
}

/// The labels of a frame, sorted, with an empty text for a null.
fn labels_of(frame: &DataFrame) -> Vec<String> {
    let texts = frame.column("label").unwrap().cast(&DataType::String).unwrap();
    let mut labels: Vec<String> = texts.str().unwrap().iter().map(|text| text.unwrap_or_default().to_owned()).collect();
    labels.sort();
    labels
}

/// Reads a table as a body does: where blocking is allowed.
fn read(table: Table) -> Result<DataFrame> {
    block_on(async { tokio::task::spawn_blocking(move || DataFrame::from_table(table)).await.unwrap() })
}

#[test]
fn a_text_that_is_no_label_of_its_enum_is_an_error() {
    #[asset]
    fn labels() -> DataFrame {
        labelled(["a", "b"])
    }
    #[asset]
    fn relabelled(labels: RecordBatch) -> RecordBatch {
        with_column(&labels, dictionary(&[Some("a"), Some("c"), None]))
    }
    #[asset]
    fn seen(relabelled: DataFrame) -> DataFrame {
        relabelled
    }
    for store in ["memory", "Parquet"] {
        let root = tempdir().unwrap();
        let builder = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![labels, relabelled, seen]));
        let failure = run_to_failure(&bind(builder, store, root.path()).build().unwrap());
        assert_eq!(failure.code, ErrorKind::Schema.code(), "{store}: {failure:?}");
        let refused = "the column `label` of type Dictionary(UInt8, Utf8) cannot be handed to the other frame library";
        assert_eq!(failure.message, refused, "{store}");
        let help = failure.help.unwrap_or_default();
        assert!(help.starts_with("its text \"c\" is none of the labels of its enum"), "{store}: {help}");
    }
}

#[test]
fn a_dictionary_may_have_texts_that_no_row_has() {
    let enums = batch(["a", "b"]);
    let rows = with_column(&enums, dictionary(&[Some("b"), Some("c")])).slice(0, 1);
    let frame = DataFrame::from_table(rows.into_table()).unwrap();
    assert_eq!(frame.schema(), labelled(["a", "b"]).schema());
    assert_eq!(labels_of(&frame), ["b"]);
}

#[test]
fn labels_inside_of_lists_and_structs_are_looked_at_as_far_as_they_are_seen() {
    let enums = || labelled(["a", "b"]).lazy();
    let of = |plan: LazyFrame| RecordBatch::from_table(plan.collect().unwrap().into_table()).unwrap();
    let texts = || dictionary(&[Some("a"), Some("c")]);

    let lists = of(enums().select([col("label").implode(false)]));
    let ArrowType::LargeList(element) = lists.schema().field(0).data_type().clone() else { panic!("{lists:?}") };
    let lists = with_column(&lists, Arc::new(LargeListArray::new(element, OffsetBuffer::from_lengths([1, 1]), texts(), None)));
    let structs = of(enums().select([as_struct(vec![col("label")]).alias("row")]));
    let ArrowType::Struct(fields) = structs.schema().field(0).data_type().clone() else { panic!("{structs:?}") };
    let row = |nulls| with_column(&structs, Arc::new(StructArray::new(fields.clone(), vec![texts()], nulls)));

    for batch in [lists.clone(), row(None)] {
        let error = DataFrame::from_table(batch.into_table()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Schema);
        let help = error.help_text().unwrap_or_default();
        assert!(help.starts_with("its text \"c\" is none of the labels of its enum"), "{error:?}");
    }
    for batch in [lists.slice(0, 1), row(Some(NullBuffer::from(vec![true, false])))] {
        let rows = batch.num_rows();
        assert_eq!(DataFrame::from_table(batch.into_table()).unwrap().height(), rows);
    }
}

#[test]
fn tables_of_the_same_labels_are_an_enum_in_one() {
    let both = || vec![batch(["a", "b"]), batch(["a", "b"])];
    let wanted = labelled(["a", "b"]).vstack(&labelled(["a", "b"])).unwrap();
    let tables = Table::concat(both().into_iter().map(Frame::into_table).collect()).unwrap();
    for table in [tables, both().into_table()] {
        let found = read(table).unwrap();
        assert_eq!(found.schema(), wanted.schema());
        assert!(found.equals_missing(&wanted), "{found}");
    }
}

#[test]
fn tables_of_other_labels_keep_the_texts_of_both_in_one() {
    let both = || vec![batch(["a", "b"]), batch(["b", "c"])];
    let stream = |batch: RecordBatch| RecordBatchStream::from_batches(batch.schema(), [Ok(batch)]).into_table();
    let eager = Table::concat(both().into_iter().map(Frame::into_table).collect()).unwrap();
    let streams = Table::concat(both().into_iter().map(stream).collect()).unwrap();
    for table in [eager, streams, both().into_table()] {
        let found = read(table).unwrap();
        assert_eq!(labels_of(&found), ["", "", "a", "b", "b", "c"]);
        assert!(matches!(found.column("label").unwrap().dtype(), DataType::Categorical(..)), "{found}");
    }
}

#[partitions(keys = ["red", "blue"])]
struct Color;

#[test]
fn partitions_and_appends_of_other_labels_keep_every_text() {
    #[asset(io_manager = "memory", partitions = Color)]
    fn colored(color: Partition<Color>) -> RecordBatch {
        batch(if color.key() == "red" { ["a", "b"] } else { ["b", "c"] })
    }
    #[asset(io_manager = "memory", mode = "append")]
    fn growing() -> RecordBatch {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        batch(if RUNS.fetch_add(1, Ordering::SeqCst) == 0 { ["a", "b"] } else { ["b", "c"] })
    }
    let root = tempdir().unwrap();
    let registry = Registry::of(assets![colored, growing]);
    let lakehouse = Lakehouse::builder().root(root.path()).registry(registry).build().unwrap();
    let reports = [
        lakehouse.materialize_for_blocking("colored", &PartitionChoice::all()),
        lakehouse.materialize_blocking("growing"),
        lakehouse.materialize_blocking("growing"),
    ];
    for report in reports {
        let report = report.unwrap();
        assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    }
    for asset in ["colored", "growing"] {
        let found: DataFrame = block_on(lakehouse.load_frame(&key(asset))).unwrap();
        assert_eq!(labels_of(&found), ["", "", "a", "b", "b", "c"], "{asset}");
    }
}
