//! Which types each format gives back: the very same, or an error that names the column.

use lakewright::ErrorKind;
use lakewright::prelude::*;
use proptest::prelude::*;
use tempfile::tempdir;

use super::{extension, holding, load};
use crate::parquet_store::types::every_type;
use crate::support::{files_below, frame_builder, lakehouse, read_file, run_all, run_to_failure};

/// How many of the types of [`every_type`] a format gives back.
#[track_caller]
fn gives_back(store: &str, format: &str) -> Vec<DataType> {
    let mut kept = Vec::new();
    for frame in every_type() {
        let root = tempdir().unwrap();
        let lakehouse = holding(&root, store, frame.clone());
        let report = lakehouse.materialize_blocking("*").unwrap();
        let data_type = frame.dtypes().remove(0);
        if let Some((_, failure)) = report.failures().next() {
            assert_eq!(failure.code, ErrorKind::Value.code(), "{data_type}: {failure:?}");
            assert!(failure.message.starts_with(format) && failure.message.contains("the column `x`"), "{failure:?}");
            assert!(failure.help.is_some());
            assert_eq!(files_below(&root.path().join(store)).len(), 0, "nothing is left");
            continue;
        }
        assert_eq!(report.materializations().next().unwrap().rows, Some(frame.height() as u64), "{data_type}");
        let back = load(&lakehouse, "t");
        assert_eq!(back.schema(), frame.schema());
        assert!(back.equals_missing(&frame), "{data_type}: {frame} became {back}");
        kept.push(data_type);
    }
    kept
}

#[test]
fn csv_gives_a_type_back_as_it_was_or_names_the_column() {
    let kept = gives_back("csv", "CSV");
    assert_eq!(kept.len(), 26, "{kept:?}");
    let never = |data_type: &DataType| data_type.is_nested() || matches!(data_type, DataType::Binary | DataType::Duration(_));
    assert!(!kept.iter().any(never), "{kept:?}");
}

#[test]
fn json_gives_a_type_back_as_it_was_or_names_the_column() {
    let kept = gives_back("json", "JSON");
    assert_eq!(kept.len(), 28, "{kept:?}");
    assert_eq!(kept.iter().filter(|data_type| data_type.is_nested()).count(), 3, "a list, a struct, and a list of structs");
}

#[test]
fn ipc_gives_every_type_back_as_it_was() {
    let kept = gives_back("ipc", "an Arrow IPC file");
    assert_eq!(kept.len(), every_type().len());
}

#[test]
fn polars_reads_the_files_by_itself() {
    let frame = df!("n" => [Some(1i64), None], "x" => [Some("a\"\n"), Some("")], "f" => [0.1, -2.5], "yes" => [Some(true), None])
        .unwrap();
    for store in ["csv", "json", "ipc", "parquet"] {
        let root = tempdir().unwrap();
        run_all(&holding(&root, store, frame.clone()));
        let read = read_file(&root.path().join(store).join(format!("t.{}", extension(store))));
        assert!(read.equals_missing(&frame), "{store}: {read}");
    }
}

/// Columns of types that a text file has, and of some that it has not.
fn some_types() -> Schema {
    let day = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let schema = [("n", DataType::Int16), ("day", DataType::Date), ("at", day), ("text", DataType::String)];
    schema.into_iter().map(|(name, data_type)| Field::new(name.into(), data_type)).collect()
}

#[test]
fn an_empty_frame_keeps_its_columns() {
    let schema = some_types();
    for store in ["csv", "json", "ipc", "parquet"] {
        let root = tempdir().unwrap();
        let lakehouse = holding(&root, store, DataFrame::empty_with_schema(&schema));
        let report = run_all(&lakehouse);
        assert_eq!(report.materializations().next().unwrap().rows, Some(0), "{store}");
        let back = load(&lakehouse, "t");
        assert_eq!((back.schema().as_ref(), back.height()), (&schema, 0), "{store}");
    }
}

#[test]
fn an_empty_csv_without_a_header_keeps_its_columns() {
    let (root, schema) = (tempdir().unwrap(), some_types());
    let frame = DataFrame::empty_with_schema(&schema);
    let asset = frame_builder("t", frame, |asset| asset.io_manager("csv").store_option("header", false));
    let lakehouse = lakehouse(&root, [asset]).build().unwrap();
    let report = run_all(&lakehouse);
    assert_eq!(report.materializations().next().unwrap().rows, Some(0));
    let back = load(&lakehouse, "t");
    assert_eq!((back.schema().as_ref(), back.height()), (&schema, 0));
}

#[test]
fn numbers_that_json_has_no_form_for_are_refused_wherever_they_are() {
    let list = Series::new("x".into(), [Series::new("".into(), [1.0, f64::INFINITY])]);
    let pair = df!("a" => [f64::NAN]).unwrap().lazy().select([as_struct(vec![col("a")]).alias("x")]).collect().unwrap();
    for frame in [df!("x" => [1.0, f64::NAN]).unwrap(), DataFrame::new(1, vec![list.into()]).unwrap(), pair] {
        let root = tempdir().unwrap();
        let before = df!("x" => [1.5]).unwrap();
        run_all(&holding(&root, "json", before.clone()));
        let failure = run_to_failure(&holding(&root, "json", frame));
        assert_eq!(failure.code, ErrorKind::Value.code());
        assert_eq!(failure.message, "JSON has no number for the NaN or infinity in the column `x`");
        assert!(load(&holding(&root, "json", before.clone()), "t").equals_missing(&before), "what was there still is");
    }
}

/// Numbers, moments and texts at the edges of what their types hold.
fn columns() -> impl Strategy<Value = DataFrame> {
    let rows = proptest::collection::vec(
        (
            any::<Option<f64>>(),
            any::<Option<f32>>(),
            any::<Option<i64>>(),
            any::<Option<u64>>(),
            -62_135_596_800_000_000i64..253_402_300_800_000_000,
        ),
        1..40,
    );
    rows.prop_map(|rows| {
        let finite = |number: f64| number.is_finite();
        let frame = df!(
            "f" => rows.iter().map(|row| row.0.filter(|number| finite(*number))).collect::<Vec<_>>(),
            "g" => rows.iter().map(|row| row.1.filter(|number| finite((*number).into()))).collect::<Vec<_>>(),
            "i" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
            "u" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
            "at" => rows.iter().map(|row| row.2.map(|_| row.4)).collect::<Vec<_>>(),
        );
        let micros = |zone| DataType::Datetime(TimeUnit::Microseconds, zone);
        let day = (col("at") / lit(86_400_000_000i64)).cast(DataType::Int32).cast(DataType::Date).alias("day");
        let berlin = TimeZone::opt_try_new(Some("Europe/Berlin")).unwrap();
        let moments = [day, col("at").cast(micros(None)).alias("local"), col("at").cast(micros(berlin)).alias("zoned")];
        frame.unwrap().lazy().with_columns(moments).collect().unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn numbers_and_moments_keep_every_digit(frame in columns()) {
        for store in ["csv", "json", "ipc"] {
            let root = tempdir().unwrap();
            let lakehouse = holding(&root, store, frame.clone());
            run_all(&lakehouse);
            let back = load(&lakehouse, "t");
            prop_assert_eq!(back.schema(), frame.schema(), "{}", store);
            prop_assert!(back.equals_missing(&frame), "{}: {:?} became {:?}", store, frame, back);
        }
    }
}
