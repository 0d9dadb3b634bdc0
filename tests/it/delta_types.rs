//! Which types a Delta table gives back, which it gives back as another, and which it refuses.

use lakewright::ErrorKind;
use lakewright::prelude::*;
use proptest::prelude::*;
use tempfile::tempdir;

use crate::support::{block_on, frame_asset, key, lakehouse, run_all, run_to_failure};

/// Stores a frame and loads it again.
fn round_trip(frame: &DataFrame) -> DataFrame {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, [frame_asset("t", frame.clone())]).build().unwrap();
    run_all(&lakehouse);
    block_on(lakehouse.load_frame(&key("t"))).unwrap()
}

fn one(name: &str, series: &Series, data_type: &DataType) -> DataFrame {
    let column = series.strict_cast(data_type).unwrap().with_name(name.into());
    DataFrame::new(column.len(), vec![column.into()]).unwrap()
}

fn numbers() -> Series {
    Series::new("x".into(), [Some(1i64), None, Some(120)])
}

#[test]
fn types_that_delta_has_come_back_as_they_went_with_their_nulls() {
    let text = Series::new("x".into(), [Some("a"), None, Some("ö")]);
    let micros = |zone| DataType::Datetime(TimeUnit::Microseconds, zone);
    let mut frames = vec![
        one("x", &text, &DataType::String),
        one("x", &text, &DataType::Binary),
        one("x", &numbers(), &DataType::Date),
        one("x", &numbers(), &micros(None)),
        one("x", &numbers(), &micros(Some(TimeZone::UTC))),
        one("x", &numbers(), &DataType::Decimal(10, 2)),
        one("x", &Series::new("x".into(), [Some(true), None, Some(false)]), &DataType::Boolean),
    ];
    for data_type in [DataType::Int8, DataType::Int16, DataType::Int32, DataType::Int64, DataType::Float32, DataType::Float64] {
        frames.push(one("x", &numbers(), &data_type));
    }
    let list = Series::new("x".into(), [numbers(), numbers()]);
    frames.push(DataFrame::new(2, vec![list.into()]).unwrap());
    frames.push(
        df!("a" => [Some(1i64), None], "b" => [Some("x"), Some("y")])
            .unwrap()
            .lazy()
            .select([as_struct(vec![col("a"), col("b")]).alias("s")])
            .collect()
            .unwrap(),
    );
    for frame in frames {
        let back = round_trip(&frame);
        assert_eq!(back.schema(), frame.schema());
        assert!(back.equals_missing(&frame), "{frame} became {back}");
    }
}

#[test]
fn types_that_delta_lacks_come_back_as_the_nearest_with_the_same_values() {
    for (from, to) in [
        (DataType::UInt8, DataType::Int16),
        (DataType::UInt16, DataType::Int32),
        (DataType::UInt32, DataType::Int64),
        (DataType::UInt64, DataType::Int64),
    ] {
        let back = round_trip(&one("x", &numbers(), &from));
        assert!(back.equals_missing(&one("x", &numbers(), &to)), "{from} became {back}");
    }
    let berlin = DataType::Datetime(TimeUnit::Milliseconds, TimeZone::opt_try_new(Some("Europe/Berlin")).unwrap());
    let back = round_trip(&one("x", &numbers(), &berlin));
    assert_eq!(back.column("x").unwrap().dtype(), &DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)));
    assert_eq!(back.column("x").unwrap().datetime().unwrap().physical().get(2), Some(120_000), "the instant is the same");
}

/// Expects a frame to be refused, with nothing stored.
fn refused(frame: DataFrame, kind: ErrorKind, says: &str) {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, [frame_asset("t", frame)]).build().unwrap();
    let failure = run_to_failure(&lakehouse);
    assert_eq!(failure.code, kind.code(), "{failure:?}");
    assert!(format!("{} {:?}", failure.message, failure.causes).contains(says), "{failure:?}");
    assert!(!block_on(lakehouse.describe(&key("t"))).unwrap().exists);
}

#[test]
fn values_that_would_lose_digits_are_refused_and_whole_ones_are_not() {
    let nanoseconds = DataType::Datetime(TimeUnit::Nanoseconds, None);
    let lossy = Series::new("x".into(), [1_000i64, 1_001]);
    refused(one("x", &lossy, &nanoseconds), ErrorKind::Value, "would lose, first in 1001 ns");
    let back = round_trip(&one("x", &Series::new("x".into(), [1_000i64, 2_000]), &nanoseconds));
    assert_eq!(back.column("x").unwrap().datetime().unwrap().physical().get(1), Some(2));
    let large = Series::new("x".into(), [u64::MAX]);
    refused(DataFrame::new(1, vec![large.into()]).unwrap(), ErrorKind::Value, "conversion from `u64` to `i64` failed");
}

#[test]
fn types_that_delta_cannot_hold_are_refused() {
    let nanoseconds = DataType::Datetime(TimeUnit::Nanoseconds, None);
    let milliseconds = DataType::Datetime(TimeUnit::Milliseconds, None);
    for data_type in [DataType::Duration(TimeUnit::Microseconds), DataType::Time] {
        refused(one("x", &numbers(), &data_type), ErrorKind::Value, "Delta has no type for the column `x`");
    }
    let list = |inner: &DataType| Series::new("x".into(), [numbers().strict_cast(inner).unwrap()]);
    let array = list(&milliseconds).cast(&DataType::Array(Box::new(milliseconds.clone()), 3)).unwrap();
    for series in [list(&nanoseconds), array] {
        refused(DataFrame::new(1, vec![series.into()]).unwrap(), ErrorKind::Value, "Delta has no type for the column `x`");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_partition_value_comes_back(values in proptest::collection::vec("[^\\p{C}]{1,40}", 1..6), numbers in proptest::collection::vec(any::<i32>(), 6)) {
        let root = tempdir().unwrap();
        let height = values.len();
        let frame = df!("p" => &values, "n" => &numbers[..height]).unwrap();
        let by_text = crate::support::frame_builder("by_text", frame.clone(), |asset| asset.partition_expr("p"));
        let by_number = crate::support::frame_builder("by_number", frame.clone(), |asset| asset.partition_expr("n"));
        let lakehouse = lakehouse(&root, [by_text, by_number]).build().unwrap();
        run_all(&lakehouse);
        let sorted = |frame: DataFrame| frame.lazy().sort(["p", "n"], SortMultipleOptions::default()).collect().unwrap();
        for name in ["by_text", "by_number"] {
            let back: DataFrame = block_on(lakehouse.load_frame(&key(name))).unwrap();
            prop_assert!(sorted(back).equals_missing(&sorted(frame.clone())));
        }
    }
}
