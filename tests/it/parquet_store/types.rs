//! Which types files give back: the very same, or an error that says which column is not.

use lakewright::ErrorKind;
use lakewright::prelude::*;
use proptest::prelude::*;
use tempfile::tempdir;

use crate::support::{block_on, frame_builder, key, lakehouse, read_file, run_all};

fn one(values: &Series, data_type: &DataType) -> DataFrame {
    let column = values.strict_cast(data_type).unwrap().with_name("x".into());
    DataFrame::new(column.len(), vec![column.into()]).unwrap()
}

/// The types of the acceptance cases and their relatives, each with nulls.
pub(crate) fn every_type() -> Vec<DataFrame> {
    let numbers = Series::new("x".into(), [Some(1i64), None, Some(100)]);
    let text = Series::new("x".into(), [Some("a"), None, Some(" ö,\"\n")]);
    let units = [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
    let zone = |name: &str| TimeZone::opt_try_new(Some(name)).unwrap();
    let mut frames = vec![
        one(&text, &DataType::String),
        one(&text, &DataType::Binary),
        one(&text, &DataType::from_categories(Categories::global())),
        one(&numbers, &DataType::Date),
        one(&numbers, &DataType::Time),
        one(&numbers, &DataType::Decimal(10, 2)),
        one(&numbers, &DataType::Decimal(38, 0)),
        one(&Series::new("x".into(), [Some(true), None, Some(false)]), &DataType::Boolean),
        DataFrame::new(2, vec![Series::full_null("x".into(), 2, &DataType::Null).into()]).unwrap(),
        df!("x" => [Some(f64::NAN), None, Some(f64::NEG_INFINITY), Some(-0.0), Some(5e-324)]).unwrap(),
    ];
    for data_type in [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Int128,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
    ] {
        frames.push(one(&numbers, &data_type));
    }
    for unit in units {
        frames.push(one(&numbers, &DataType::Duration(unit)));
        frames.push(one(&numbers, &DataType::Datetime(unit, None)));
        frames.push(one(&numbers, &DataType::Datetime(unit, Some(TimeZone::UTC))));
        frames.push(one(&numbers, &DataType::Datetime(unit, zone("Europe/Berlin"))));
    }
    let list = Series::new("x".into(), [Some(numbers.clone()), None, Some(Series::new_empty("".into(), &DataType::Int64))]);
    frames.push(DataFrame::new(3, vec![list.into()]).unwrap());
    let array = Series::new("x".into(), [Some(numbers.clone()), None]);
    frames.push(one(&array, &DataType::Array(Box::new(DataType::Int64), 3)));
    let pair = df!("a" => [Some(1i64), None, Some(2)], "b" => [Some("x"), Some("y"), None]).unwrap();
    let structs = pair.lazy().select([as_struct(vec![col("a"), col("b")]).alias("x")]).collect().unwrap();
    frames.push(structs.clone());
    frames.push(structs.lazy().select([col("x").implode(false)]).collect().unwrap());
    frames
}

#[test]
fn parquet_gives_every_type_back_as_it_was() {
    for frame in every_type() {
        let root = tempdir().unwrap();
        let asset = frame_builder("t", frame.clone(), |asset| asset.io_manager("parquet"));
        let lakehouse = lakehouse(&root, [asset]).build().unwrap();
        run_all(&lakehouse);
        let data_type = frame.dtypes().remove(0);
        for back in [block_on(lakehouse.load_frame(&key("t"))).unwrap(), read_file(&root.path().join("parquet/t.parquet"))] {
            assert_eq!(back.schema(), frame.schema());
            assert!(back.equals_missing(&frame), "{data_type}: {frame} became {back}");
        }
    }
}

#[test]
fn rows_without_columns_are_refused_or_kept() {
    for store in ["parquet", "csv", "json", "ipc"] {
        let root = tempdir().unwrap();
        let frame = DataFrame::new(3, Vec::new()).unwrap();
        let asset = frame_builder("t", frame, |asset| asset.io_manager(store));
        let lakehouse = lakehouse(&root, [asset]).build().unwrap();
        let report = lakehouse.materialize_blocking("*").unwrap();
        if let Some((_, failure)) = report.failures().next() {
            assert_eq!((store != "parquet", failure.code.as_str()), (true, ErrorKind::Value.code()), "{failure:?}");
            continue;
        }
        let back: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
        assert_eq!((back.height(), report.materializations().next().unwrap().rows), (3, Some(3)), "{store}");
    }
}

#[test]
fn a_column_of_one_kind_far_down_is_counted_and_read_as_it_was_written() {
    let root = tempdir().unwrap();
    let mut codes: Vec<Option<String>> = (0..10_500).map(|n| Some(n.to_string())).collect();
    codes.push(Some("x1".to_owned()));
    codes.push(None);
    codes.push(Some(String::new()));
    let frame = df!("code" => codes).unwrap();
    let lakehouse = lakehouse(&root, [frame_builder("t", frame.clone(), |asset| asset.io_manager("csv"))]).build().unwrap();
    let report = run_all(&lakehouse);
    assert_eq!(report.materializations().next().unwrap().rows, Some(10_503));
    let back: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert!(back.equals_missing(&frame), "{back}");
}

/// Texts that CSV has to quote, and texts that look like something else.
fn awkward() -> impl Strategy<Value = Option<String>> {
    let words =
        ["null", "NULL", "NaN", "true", "2022-01-08", "007", " x ", "\u{feff}x", "\"", "\"\"", "a\r\nb", "\r", ",", "#x", "'"];
    prop_oneof![
        Just(None),
        Just(Some(String::new())),
        proptest::sample::select(words.to_vec()).prop_map(|word| Some(word.to_owned())),
        "[ -~\n\r\t\"é]{0,8}".prop_map(Some)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_comes_back_from_files(
        texts in proptest::collection::vec(awkward(), 0..8),
        name in "[ -~\n\r\"é]{1,8}",
        alone in any::<bool>(),
    ) {
        let height = texts.len();
        let mut columns = vec![Column::new(name.as_str().into(), texts)];
        if !alone {
            columns.push(Column::new("number of the row".into(), (0i64..).take(height).collect::<Vec<_>>()));
        }
        let frame = DataFrame::new(height, columns).unwrap();
        for store in ["csv", "json", "ipc", "parquet"] {
            let root = tempdir().unwrap();
            let lakehouse = lakehouse(&root, [frame_builder("t", frame.clone(), |asset| asset.io_manager(store))]).build().unwrap();
            let report = run_all(&lakehouse);
            prop_assert_eq!(report.materializations().next().unwrap().rows, Some(height as u64), "{}", store);
            let back: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
            prop_assert_eq!(back.schema(), frame.schema(), "{}", store);
            prop_assert!(back.equals_missing(&frame), "{}: {:?} became {:?}", store, frame, back);
        }
    }
}
