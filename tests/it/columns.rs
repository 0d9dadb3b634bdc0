//! Declared columns: what is there is compared with them, and everything that differs is said at once.

use lakewright::columns::ColumnType;
use lakewright::frame::{Frame, Table, check_declared};
use lakewright::jiff::civil::{Date, DateTime};
use lakewright::jiff::{SignedDuration, Timestamp};
use lakewright::prelude::*;
use lakewright::{AssetSpec, ErrorKind};
use tempfile::{TempDir, tempdir};

use crate::support::{lakehouse, read_delta, run_all, run_to_failure};

#[derive(Columns)]
struct Reading {
    station: String,
    day: Date,
    max: Option<f64>,
    #[column(name = "type")]
    kind: String,
}

fn readings() -> DataFrame {
    df!("type" => ["air", "sea"], "max" => [Some(21.5), None], "station" => ["north", "south"], "day" => [19_000, 19_001])
        .unwrap()
        .lazy()
        .with_column(col("day").cast(DataType::Date))
        .collect()
        .unwrap()
}

#[test]
fn rows_have_the_columns_in_any_order() {
    let rows = Rows::<Reading, DataFrame>::new(readings()).unwrap();
    assert_eq!(rows.height(), 2, "it is the frame");
    assert!(rows.clone().into_inner().equals_missing(&readings()));
    let lazy = Rows::<Reading, LazyFrame>::new(readings().lazy()).unwrap();
    let loaded = Rows::<Reading, DataFrame>::from_table(lazy.into_table()).unwrap();
    assert!(loaded.into_inner().equals_missing(&readings()));
}

fn wrong() -> DataFrame {
    df!("statoin" => ["north"], "day" => ["2022-01-08"], "max" => [21i64], "type" => [None::<&str>], "unit" => ["C"]).unwrap()
}

const DIFFERENCES: [&str; 4] = [
    "`station` is missing (there is `statoin`)",
    "`day` is Text and is declared as Date",
    "`max` is Int64 and is declared as Float64",
    "`unit` is not declared",
];

#[test]
fn everything_that_differs_is_one_error() {
    let error = Rows::<Reading, _>::new(wrong()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let [missing, day, max, unit] = DIFFERENCES;
    let kind = "`type` has a null and is declared without `Option`";
    assert_eq!(error.message(), format!("the columns are not as declared: {missing}; {day}; {max}; {kind}; {unit}"));
    assert_eq!(error.help_text(), Some("declared: `station` Text, `day` Date, `max` Float64, `type` Text"));
    assert!(error.context().any(|pair| pair == ("rows", "Reading")));
}

#[test]
fn nulls_of_a_plan_are_not_counted() {
    let error = Rows::<Reading, _>::new(wrong().lazy()).unwrap_err();
    assert_eq!(error.message(), format!("the columns are not as declared: {}", DIFFERENCES.join("; ")));
    let nulls = readings().lazy().with_column(lit(NULL).cast(DataType::String).alias("type"));
    let rows = Rows::<Reading, _>::new(nulls).unwrap();
    let error = Rows::<Reading, DataFrame>::from_table(rows.into_table()).unwrap_err();
    assert_eq!(error.message(), "`type` has 2 nulls and is declared without `Option`", "they are once it is in memory");
}

#[test]
fn a_plan_that_fails_is_its_own_error() {
    let error = Rows::<Reading, _>::new(readings().lazy().select([col("nowhere")])).unwrap_err();
    assert!(error.message().contains("nowhere"), "{error}");
}

#[test]
fn only_the_columns_that_are_read_are_compared() {
    let only = ["max".to_owned(), "station".to_owned()];
    let check = |frame: LazyFrame, only: Option<&[String]>| check_declared(Reading::COLUMNS, &mut frame.into_table(), only);
    check(readings().lazy(), None).unwrap();
    check(readings().lazy().select([col("station"), col("max")]), Some(&only)).unwrap();
    let error = check(readings().lazy().select([col("station"), col("max")]), None).unwrap_err();
    assert_eq!(error.message(), "the columns are not as declared: `day` is missing; `type` is missing");
    let error = check(readings().lazy().select([col("station"), col("day")]), Some(&only)).unwrap_err();
    assert_eq!(error.message(), "the columns are not as declared: `max` is missing; `day` is not declared");
}

#[derive(Columns)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Columns)]
struct Types {
    truth: bool,
    small: i8,
    large: u64,
    single: f32,
    bytes: Vec<u8>,
    local: DateTime,
    moment: Timestamp,
    took: SignedDuration,
    list: Vec<i64>,
    at: Point,
    #[column(decimal(10, 2))]
    price: f64,
}

fn types() -> LazyFrame {
    let micros = |zone| DataType::Datetime(TimeUnit::Microseconds, zone);
    df!("truth" => [true], "n" => [1i64], "f" => [1.0]).unwrap().lazy().select([
        col("truth"),
        col("n").cast(DataType::Int8).alias("small"),
        col("n").cast(DataType::UInt64).alias("large"),
        col("f").cast(DataType::Float32).alias("single"),
        lit("x").cast(DataType::Binary).alias("bytes"),
        col("n").cast(micros(None)).alias("local"),
        col("n").cast(micros(Some(TimeZone::UTC))).alias("moment"),
        col("n").cast(DataType::Duration(TimeUnit::Microseconds)).alias("took"),
        col("n").implode(false).alias("list"),
        as_struct(vec![col("f").alias("x"), col("f").alias("y")]).alias("at"),
        col("n").cast(DataType::Decimal(10, 2)).alias("price"),
    ])
}

#[test]
fn every_type_is_the_one_of_polars() {
    Rows::<Types, _>::new(types()).unwrap();
    Rows::<Types, _>::new(types().collect().unwrap()).unwrap();
    let texts = Types::COLUMNS.iter().map(|column| lit("x").alias(column.name)).collect::<Vec<_>>();
    let error = Rows::<Types, _>::new(types().select(texts)).unwrap_err();
    assert_eq!(error.message().matches("is Text and is declared as").count(), Types::COLUMNS.len(), "{error}");
}

#[test]
fn types_that_cannot_be_declared_are_named_as_polars_does() {
    #[derive(Columns)]
    struct Labels {
        label: String,
        day: Timestamp,
    }
    let frame = df!("label" => ["a"], "day" => [0i64]).unwrap().lazy().select([
        col("label").cast(DataType::from_categories(Categories::global())),
        col("day").cast(DataType::Datetime(TimeUnit::Nanoseconds, None)),
    ]);
    let error = Rows::<Labels, _>::new(frame).unwrap_err();
    let message = "`label` is `cat` and is declared as Text; `day` is Datetime(ns) and is declared as Datetime(us, UTC)";
    assert_eq!(error.message(), format!("the columns are not as declared: {message}"));
    assert_eq!(ColumnType::List(&ColumnType::Text).to_string(), "List(Text)");
}

/// A frame that says nothing of its columns.
#[derive(Debug)]
struct Silent;

impl lakewright::frame::TablePlan for Silent {
    fn is_eager(&self) -> bool {
        false
    }

    fn schema(&mut self) -> Result<Vec<lakewright::Column>, lakewright::Error> {
        Ok(Vec::new())
    }

    fn name(&self) -> &'static str {
        "silence"
    }

    fn materialize(self: Box<Self>) -> Result<std::sync::Arc<dyn lakewright::frame::StoredRows>> {
        unreachable!()
    }

    fn preview(self: Box<Self>, _: usize) -> Result<lakewright::frame::Preview> {
        unreachable!()
    }
}

#[test]
fn what_cannot_be_looked_at_is_not_believed() {
    let error = check_declared(Reading::COLUMNS, &mut Table::new(Silent), None).unwrap_err();
    assert_eq!(error.message(), "a table made of silence does not say its columns, so they cannot be checked");
}

#[derive(Columns)]
struct Hourly {
    temp: f64,
    date: DateTime,
}

#[derive(Columns)]
struct Daily {
    date: Date,
    max_temp: Option<f64>,
}

#[external_asset(io_manager = "csv", name = "sf_temps")]
fn hourly() -> Rows<Hourly, LazyFrame>;

#[asset(io_manager = "delta", name = "daily")]
fn highs(hourly: Rows<Hourly, LazyFrame>) -> Result<Rows<Daily, DataFrame>> {
    let day = col("date").dt().date();
    Rows::new(hourly.into_inner().group_by([day]).agg([col("temp").max().alias("max_temp")]).collect()?)
}

#[asset(io_manager = "parquet", name = "hottest")]
fn hottest(#[input(columns = ["max_temp"])] highs: LazyFrame) -> LazyFrame {
    highs.max()
}

fn temperatures(root: &TempDir, csv: &str) -> Lakehouse {
    let specs: Vec<AssetSpec> = Registry::of(assets![hourly, highs, hottest]).assets().map(|asset| (**asset).clone()).collect();
    let lakehouse = lakehouse(root, specs).build().unwrap();
    let source = root.path().join("csv");
    std::fs::create_dir_all(&source).unwrap();
    std::fs::write(source.join("sf_temps.csv"), csv).unwrap();
    lakehouse
}

#[test]
fn daily_highs_of_a_year() {
    let root = tempdir().unwrap();
    let csv = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/sf_temps.csv")).unwrap();
    let lakehouse = temperatures(&root, &csv);
    run_all(&lakehouse);
    assert_eq!(read_delta(&root.path().join("delta/public/daily")).height(), 365);
}

#[test]
fn what_was_loaded_is_not_what_was_declared() {
    let root = tempdir().unwrap();
    let lakehouse = temperatures(&root, "temp,day\nwarm,2010/01/01 00:00:00\n");
    let failure = run_to_failure(&lakehouse);
    let message = "`temp` is Text and is declared as Float64; `date` is missing (there is `day`)";
    assert_eq!(failure.message, format!("the columns are not as declared: {message}"));
}

#[test]
fn readers_that_declare_nothing_are_protected_by_what_the_external_asset_declares() {
    #[asset(io_manager = "delta")]
    fn eager(hourly: DataFrame) -> DataFrame {
        hourly
    }
    #[asset(io_manager = "delta")]
    fn lazy(hourly: LazyFrame) -> LazyFrame {
        hourly
    }
    #[asset(io_manager = "delta")]
    async fn batches(hourly: lakewright::frame::arrow::RecordBatchStream) -> lakewright::frame::arrow::RecordBatchStream {
        hourly
    }
    #[asset(io_manager = "delta")]
    fn some(#[input(columns = ["temp"])] hourly: Option<DataFrame>) -> Result<DataFrame> {
        Ok(hourly.unwrap_or_default())
    }
    let root = tempdir().unwrap();
    let registry = Registry::of(assets![hourly, eager, lazy, batches, some]);
    let lakehouse = Lakehouse::builder().root(root.path()).registry(registry).build().unwrap();
    let source = root.path().join("csv");
    std::fs::create_dir_all(&source).unwrap();
    std::fs::write(source.join("sf_temps.csv"), "temp,day,extra\nwarm,2010/01/01 00:00:00,1\n").unwrap();
    let report = lakehouse.materialize_blocking("*").unwrap();
    let messages: std::collections::BTreeMap<String, String> =
        report.failures().map(|(step, failure)| (step.assets[0].to_string(), failure.message.clone())).collect();
    let all = "the columns are not as declared: `temp` is Text and is declared as Float64; `date` is missing (there is `day`); \
               `extra` is not declared";
    for asset in ["eager", "lazy", "batches"] {
        assert_eq!(messages[asset], all, "{asset}");
    }
    assert_eq!(messages["some"], "`temp` is Text and is declared as Float64");
    assert!(!root.path().join("delta").exists(), "nothing is stored");
}

#[test]
fn arrow_and_datafusion_frames_declare_columns_too() {
    use lakewright::arrow::array::RecordBatch;
    use lakewright::datafusion::dataframe::DataFrame as FusionFrame;
    use lakewright::frame::arrow::RecordBatchStream;
    fn every<F: Frame>(counts_nulls: bool) {
        let of = |frame: DataFrame| F::from_table(frame.into_table());
        Rows::<Reading, F>::new(of(readings()).unwrap()).unwrap();
        Rows::<Types, F>::new(of(types().collect().unwrap()).unwrap()).unwrap();
        let error = Rows::<Reading, F>::new(of(wrong()).unwrap()).err().unwrap();
        let [missing, day, max, unit] = DIFFERENCES;
        let kind = if counts_nulls { "`type` has a null and is declared without `Option`; " } else { "" };
        assert_eq!(error.message(), format!("the columns are not as declared: {missing}; {day}; {max}; {kind}{unit}"));
    }
    every::<RecordBatch>(true);
    every::<Vec<RecordBatch>>(true);
    every::<RecordBatchStream>(false);
    every::<FusionFrame>(false);
}
