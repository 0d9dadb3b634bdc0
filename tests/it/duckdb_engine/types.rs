//! Every type both ways, with nulls; what does not survive is an error that names the column.

use std::sync::{Arc, LazyLock};

use lakewright::ErrorKind;
use lakewright::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use lakewright::arrow::compute::cast;
use lakewright::arrow::datatypes::{
    DataType as ArrowType, Field as ArrowField, Fields, Schema as ArrowSchema, TimeUnit as ArrowUnit,
};
use lakewright::duckdb::DuckDb;
use lakewright::prelude::*;
use proptest::prelude::*;

/// The frame as DuckDB stores and gives it back.
fn round_trip<F: lakewright::frame::Frame>(frame: F) -> Result<F> {
    static DATABASE: LazyLock<DuckDb> = LazyLock::new(DuckDb::in_memory);
    let connection = DATABASE.connection()?;
    connection.register("given", frame)?;
    connection.execute("CREATE TEMP TABLE t AS FROM given")?;
    connection.query("FROM t")
}

fn two(series: Series) -> Series {
    // A null between two values.
    let nulls = Series::full_null(series.name().clone(), 1, series.dtype());
    let mut all = series.clone();
    all.append(&nulls).unwrap();
    all.append(&series).unwrap();
    all
}

#[test]
fn what_duckdb_has_comes_back_exactly() {
    let numbers = Series::new("x".into(), [-1i64, 0, 127]);
    let times = Series::new("x".into(), [-1_000_000_001i64, 0, 1_700_000_000_123]);
    let naive = |unit| times.cast(&DataType::Datetime(unit, None)).unwrap();
    let utc = |unit| times.cast(&DataType::Datetime(unit, Some(TimeZone::UTC))).unwrap();
    let texts = Series::new("x".into(), ["", "a text that is longer than twelve bytes", "käse 🧀 \"quoted\" 'n' all"]);
    let list = Series::new("x".into(), [Series::new("".into(), [Some(1i64), None]), Series::new("".into(), [3i64])]);
    let fields = [Series::new("a".into(), [1i64, 2]), Series::new("b".into(), [Some("x"), None])];
    let record = StructChunked::from_series("x".into(), 2, fields.iter()).unwrap().into_series();
    let decimals = Series::new("x".into(), ["1.23", "-99999999.99"]);
    let mut all = vec![
        numbers.cast(&DataType::Int8).unwrap(),
        numbers.cast(&DataType::Int16).unwrap(),
        numbers.cast(&DataType::Int32).unwrap(),
        numbers.clone(),
        Series::new("x".into(), [0u8, 255]),
        Series::new("x".into(), [0u16, u16::MAX]),
        Series::new("x".into(), [0u32, u32::MAX]),
        Series::new("x".into(), [0u64, u64::MAX]),
        Series::new("x".into(), [0.5f32, f32::NEG_INFINITY]),
        Series::new("x".into(), [0.1f64, f64::MIN_POSITIVE, f64::NAN]),
        Series::new("x".into(), [true, false]),
        texts.clone(),
        texts.cast(&DataType::Binary).unwrap(),
        Series::new("x".into(), [-1i32, 0, 19_000]).cast(&DataType::Date).unwrap(),
        Series::new("x".into(), [0i64, 86_399_999_999_999]).cast(&DataType::Time).unwrap(),
        naive(TimeUnit::Milliseconds),
        naive(TimeUnit::Microseconds),
        naive(TimeUnit::Nanoseconds),
        utc(TimeUnit::Microseconds),
        utc(TimeUnit::Nanoseconds),
        times.cast(&DataType::Duration(TimeUnit::Microseconds)).unwrap(),
        decimals.cast(&DataType::Decimal(10, 2)).unwrap(),
        decimals.cast(&DataType::Decimal(38, 10)).unwrap(),
        list.clone(),
        record.clone(),
    ];
    all.push(Series::new("x".into(), [record.clone(), record]));
    for series in all {
        let series = two(series);
        let frame = DataFrame::new(series.len(), vec![series.clone().into()]).unwrap();
        let back = round_trip(frame.clone()).unwrap_or_else(|error| panic!("{}: {error:?}", series.dtype()));
        assert_eq!(back.schema(), frame.schema());
        assert!(back.equals_missing(&frame), "{back} is not {frame}");
        let none = frame.head(Some(0));
        assert_eq!(round_trip(none.clone()).unwrap().schema(), none.schema());
    }
}

#[test]
fn what_comes_back_as_another_type_keeps_its_values() {
    let times = Series::new("x".into(), [Some(-1_000i64), None, Some(1_700_000_000_123)]);
    let pairs = [
        (
            DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC)),
            DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        ),
        (DataType::Duration(TimeUnit::Milliseconds), DataType::Duration(TimeUnit::Microseconds)),
    ];
    for (given, stored) in pairs {
        let frame = DataFrame::new(3, vec![times.cast(&given).unwrap().into()]).unwrap();
        let expected = frame.column("x").unwrap().cast(&stored).unwrap();
        assert_eq!(round_trip(frame).unwrap().column("x").unwrap(), &expected);
    }
    let nanoseconds = Series::new("x".into(), [Some(-1_000i64), None, Some(86_400_000_000_000)]);
    let frame = DataFrame::new(3, vec![nanoseconds.cast(&DataType::Duration(TimeUnit::Nanoseconds)).unwrap().into()]).unwrap();
    let whole = frame.column("x").unwrap().cast(&DataType::Duration(TimeUnit::Microseconds)).unwrap();
    assert_eq!(round_trip(frame).unwrap().column("x").unwrap(), &whole);

    let texts = Series::new("x".into(), [Some("a"), None, Some("b"), Some("a")]);
    let categories = texts.cast(&DataType::from_categories(Categories::global())).unwrap();
    let frame = DataFrame::new(4, vec![categories.into()]).unwrap();
    assert_eq!(round_trip(frame).unwrap().column("x").unwrap(), &texts.into());

    let berlin = TimeZone::opt_try_new(Some("Europe/Berlin")).unwrap();
    let local = times.cast(&DataType::Datetime(TimeUnit::Microseconds, berlin)).unwrap();
    let frame = DataFrame::new(3, vec![local.into()]).unwrap();
    let instants = round_trip(frame.clone()).unwrap();
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    assert_eq!(instants.column("x").unwrap().dtype(), &utc);
    let numbers = |frame: &DataFrame| frame.column("x").unwrap().cast(&DataType::Int64).unwrap();
    assert_eq!(numbers(&instants), numbers(&frame), "the same instants");
}

#[test]
fn what_does_not_survive_is_refused_by_name() {
    let refused = |series: Series, kind: ErrorKind, word: &str| {
        let error = round_trip(DataFrame::new(series.len(), vec![series.into()]).unwrap()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.message().contains("`lost`") && format!("{error:?}").contains(word), "{error:?}");
    };
    let digits = Series::new("lost".into(), [1i64]);
    refused(digits.cast(&DataType::Duration(TimeUnit::Nanoseconds)).unwrap(), ErrorKind::Value, "microseconds");
    refused(Series::full_null("lost".into(), 2, &DataType::Null), ErrorKind::Schema, "nulls");
    let nested = Series::new("lost".into(), [digits.cast(&DataType::Duration(TimeUnit::Microseconds)).unwrap()]);
    refused(nested, ErrorKind::Schema, "intervals");

    let error = round_trip(df!("name" => [1i64], "Name" => [2i64]).unwrap()).unwrap_err();
    assert!(error.message().contains("`Name`"), "{error:?}");
    assert_eq!(round_trip(DataFrame::empty()).unwrap_err().kind(), ErrorKind::Schema);
}

#[test]
fn what_sql_makes_is_a_frame_or_an_error_that_names_column_and_type() {
    let connection = DuckDb::in_memory().connection().unwrap();
    let text = |sql: &str| {
        let frame: DataFrame = connection.query(&format!("SELECT {sql} AS x")).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let x = frame.column("x").unwrap().as_materialized_series().clone();
        format!("{} {}", x.dtype(), x.get(0).unwrap())
    };
    let readable = [
        ("123::HUGEINT", "decimal[38,0] 123"),
        ("'{b1d4a7a2-7f3f-4c2b-8a1b-0123456789ab}'::UUID", "str \"b1d4a7a2-7f3f-4c2b-8a1b-0123456789ab\""),
        ("TIME '12:34:56.789'", "time 12:34:56.789"),
        ("INTERVAL 2 DAYS + INTERVAL 3 SECONDS", "duration[μs] 2d 3s"),
        ("[1, NULL]::INTEGER[2]", "array[i32, 2] [1, null]"),
        ("TIMESTAMP_S '2024-01-01'", "datetime[ms] 2024-01-01 00:00:00"),
    ];
    for (sql, expected) in readable {
        assert_eq!(text(sql), expected, "{sql}");
    }
    let mood: DataFrame = connection.query("SELECT 'sad'::ENUM ('sad', 'glad') AS x").unwrap();
    assert_eq!(mood.column("x").unwrap().cast(&DataType::String).unwrap().str().unwrap().get(0), Some("sad"));

    let unreadable = [
        ("340282366920938463463374607431768211455::UHUGEINT", "UHUGEINT"),
        ("'101'::BIT", "BIT"),
        ("['101'::BIT]", "BIT"),
        ("TIMETZ '12:00:00+05'", "TIME WITH TIME ZONE"),
        ("INTERVAL 1 MONTH", "months"),
        ("[INTERVAL 1 DAY]", "intervals"),
        ("170141183460469231731687303715884105727::HUGEINT", "38 digits"),
        ("MAP {'a': 1}", "Map"),
    ];
    for (sql, word) in unreadable {
        let error = connection.query::<DataFrame>(&format!("SELECT {sql} AS lost")).unwrap_err();
        assert!(error.message().contains("`lost`") && error.message().contains(word), "{sql}: {error:?}");
    }
}

#[test]
fn types_of_arrow_that_polars_has_not() {
    let texts: ArrayRef = Arc::new(lakewright::arrow::array::StringArray::from(vec![Some("a"), None, Some("b")]));
    let types = [
        ArrowType::LargeUtf8,
        ArrowType::Utf8View,
        ArrowType::LargeBinary,
        ArrowType::BinaryView,
        ArrowType::Dictionary(Box::new(ArrowType::Int8), Box::new(ArrowType::Utf8)),
    ];
    for data_type in types {
        let array = cast(&texts, &data_type).unwrap();
        let schema = ArrowSchema::new(vec![ArrowField::new("x", data_type.clone(), true)]);
        let back = round_trip(RecordBatch::try_new(Arc::new(schema), vec![array]).unwrap()).unwrap();
        assert_eq!(&cast(back.column(0), &ArrowType::Utf8).unwrap(), &texts, "{data_type}");
    }
    let entries =
        ArrowField::new("entries", ArrowType::Struct(Fields::from(vec![ArrowField::new("a", ArrowType::Int8, true)])), true);
    for data_type in [
        ArrowType::Interval(lakewright::arrow::datatypes::IntervalUnit::MonthDayNano),
        ArrowType::Decimal256(60, 2),
        ArrowType::Decimal128(5, -2),
        ArrowType::ListView(Arc::new(entries)),
        ArrowType::Struct(Fields::empty()),
    ] {
        let array = new_null_array(&data_type, 1);
        let schema = ArrowSchema::new(vec![ArrowField::new("lost", data_type.clone(), true)]);
        let error = round_trip(RecordBatch::try_new(Arc::new(schema), vec![array]).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Schema, "{data_type}: {error:?}");
        assert!(error.message().contains("`lost`"), "{error:?}");
    }
    let seconds = ArrowType::Timestamp(ArrowUnit::Second, Some("UTC".into()));
    let too_far: ArrayRef =
        Arc::new(lakewright::arrow::array::TimestampSecondArray::from(vec![i64::MAX / 10]).with_timezone("UTC"));
    let schema = ArrowSchema::new(vec![ArrowField::new("lost", seconds, true)]);
    let error = round_trip(RecordBatch::try_new(Arc::new(schema), vec![too_far]).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value, "it is not wrapped around: {error:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Chunks, slices and nulls anywhere, in columns that are and are not handed over as they lie in memory.
    #[test]
    fn any_rows_in_any_chunks_come_back(
        rows in prop::collection::vec((any::<Option<i64>>(), any::<Option<bool>>(), any::<Option<String>>()), 0..5000),
        cut in 0usize..5000,
        skip in 0usize..100,
    ) {
        let rows: Vec<_> = rows.into_iter().map(|(n, b, t)| (n, b, t.map(|t| t.replace('\0', "")))).collect();
        let frame = df!(
            "n" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "b" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "t" => rows.iter().map(|row| row.2.clone()).collect::<Vec<_>>(),
        ).unwrap();
        let frame = frame.lazy().with_column(as_struct(vec![col("n"), col("t")]).alias("s"))
            .with_column(concat_list([col("n"), col("n")]).unwrap().alias("l")).collect().unwrap();
        let cut = cut.min(frame.height());
        let mut chunks = frame.head(Some(cut));
        chunks.vstack_mut(&frame.slice(i64::try_from(cut).unwrap(), frame.height())).unwrap();
        let given = chunks.slice(i64::try_from(skip).unwrap(), chunks.height());
        let back = round_trip(given.clone()).unwrap();
        prop_assert!(back.equals_missing(&given));
    }
}
