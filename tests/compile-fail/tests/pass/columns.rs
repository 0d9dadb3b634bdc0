//! Declared columns that fit, without a warning for whoever declares them.
#![allow(clippy::pedantic, reason = "users need not keep to our taste")]
#![deny(missing_docs, warnings)]

use lakewright::columns::{ColumnDef, ColumnType, TimeUnit};
use lakewright::jiff::civil::{Date, DateTime, Time};
use lakewright::jiff::{SignedDuration, Timestamp};
use lakewright::prelude::*;

/// Rows that are never filled.
#[derive(Columns)]
struct Reading {
    station: String,
    day: Date,
    max: Option<f64>,
    #[column(name = "type")]
    kind: &'static str,
    r#loop: bool,
}

#[derive(Columns)]
struct Point {
    x: f64,
    y: f32,
}

/// What a field may be.
#[derive(Columns)]
struct Everything {
    at: Point,
    numbers: Vec<Option<u64>>,
    bytes: Option<Vec<u8>>,
    path: Vec<Point>,
    time: Time,
    local: DateTime,
    moment: Timestamp,
    took: SignedDuration,
    #[column(name = "price in €", decimal(10, 2))]
    price: Option<f64>,
}

/// What is read of the readings.
#[derive(Columns)]
struct Highs {
    max: Option<f64>,
    station: Option<String>,
}

/// Declared.
#[external_asset(io_manager = "csv", partition_expr = "day")]
fn readings() -> Rows<Reading, LazyFrame>;

/// All columns.
#[asset(partition_expr = "CAST(day AS TIMESTAMP)")]
fn copied(readings: Rows<Reading, DataFrame>) -> Result<Option<Rows<Reading, LazyFrame>>> {
    Rows::new(readings.into_inner().lazy()).map(Some)
}

/// Two columns, in another order; what has no nulls is read as what may have some.
#[asset]
fn highs(#[input(columns = ["station", "max"])] readings: &Rows<Highs, DataFrame>, copied: Option<LazyFrame>) -> DataFrame {
    drop(copied);
    DataFrame::clone(readings)
}

/// The upstream declares nothing, so it is the loaded table that is checked.
#[asset(partition_expr = "anything")]
fn typed_again(#[input(columns = ["max"])] highs: Rows<Max, LazyFrame>) -> Output<DataFrame> {
    Output::new(highs.into_inner().collect().unwrap_or_default())
}

#[derive(Columns)]
struct Max {
    max: f64,
}

/// Objects have no columns.
#[asset]
fn object(highs: DataFrame, typed_again: DataFrame) -> Vec<usize> {
    vec![highs.height(), typed_again.height()]
}

/// Nor when they are loaded.
#[asset]
fn object_read(object: Vec<usize>) -> usize {
    object.len()
}

const fn column(name: &'static str, data_type: ColumnType, nullable: bool) -> ColumnDef {
    ColumnDef { name, data_type, nullable }
}

#[test]
fn fields_are_columns() {
    assert_eq!(
        Reading::COLUMNS,
        [
            column("station", ColumnType::Text, false),
            column("day", ColumnType::Date, false),
            column("max", ColumnType::Float64, true),
            column("type", ColumnType::Text, false),
            column("loop", ColumnType::Bool, false),
        ]
    );
    let point = ColumnType::Struct(const { &[column("x", ColumnType::Float64, false), column("y", ColumnType::Float32, false)] });
    let unit = TimeUnit::Microseconds;
    let types: Vec<_> = Everything::COLUMNS.iter().map(|column| (column.data_type, column.nullable)).collect();
    assert_eq!(types[..3], [(point, false), (ColumnType::List(&ColumnType::UInt64), false), (ColumnType::Binary, true)]);
    assert_eq!(types[3].0.to_string(), "List(Struct(x: Float64, y: Float32))");
    assert_eq!(types[4].0, ColumnType::Time);
    assert_eq!(types[5].0, ColumnType::Datetime { unit, zone: None });
    assert_eq!(types[6].0.to_string(), "Datetime(us, UTC)");
    assert_eq!(types[7].0, ColumnType::Duration { unit });
    assert_eq!((types[8].0.to_string().as_str(), types[8].1), ("Decimal(10, 2)", true));
}

#[test]
fn assets_say_their_columns() {
    let registry = Registry::of(assets![readings, copied, highs, typed_again, object, object_read]);
    let columns: Vec<_> = registry.assets().map(|asset| (asset.key.to_string(), asset.output.columns)).collect();
    for (key, columns) in columns {
        let expected = ["readings", "copied"].contains(&key.as_str()).then_some(Reading::COLUMNS);
        assert_eq!(columns, expected, "{key}");
    }
}
