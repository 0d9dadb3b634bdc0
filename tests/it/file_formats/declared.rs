//! Files of others: read by what the asset declares, and what differs from that is said.

use lakewright::jiff::Timestamp;
use lakewright::jiff::civil::{Date, DateTime};
use lakewright::prelude::*;
use tempfile::{TempDir, tempdir};

use super::load;
use crate::support::{block_on, key};

#[derive(Columns)]
struct Reading {
    code: String,
    n: i32,
    day: Date,
    at: Option<DateTime>,
    moment: Option<Timestamp>,
    ratio: Option<f64>,
}

#[external_asset(io_manager = "csv", name = "theirs")]
fn csv_readings() -> Rows<Reading, LazyFrame>;

#[external_asset(io_manager = "json", name = "theirs")]
fn json_readings() -> Rows<Reading, LazyFrame>;

#[external_asset(io_manager = "csv", name = "bare", store(header = false, separator = ";", null = "-"))]
fn bare() -> Rows<Reading, LazyFrame>;

fn put(root: &TempDir, file: &str, text: &str) {
    let path = root.path().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn reading(root: &TempDir, assets: Registry) -> Lakehouse {
    Lakehouse::builder().root(root.path()).registry(assets).build().unwrap()
}

#[track_caller]
fn refused(lakehouse: &Lakehouse) -> String {
    block_on(lakehouse.load_frame::<Rows<Reading, DataFrame>>(&key("theirs"))).unwrap_err().message().to_owned()
}

fn wanted() -> DataFrame {
    let micros = |zone| DataType::Datetime(TimeUnit::Microseconds, zone);
    let frame = df!(
        "code" => ["007", "8"],
        "n" => [1i32, 2],
        "day" => [14_610i32, 14_611],
        "at" => [Some(1_262_309_400_000_000i64), None],
        "moment" => [Some(1_262_309_400_000_000i64), None],
        "ratio" => [Some(1.0f64), None],
    );
    let columns =
        [col("day").cast(DataType::Date), col("at").cast(micros(None)), col("moment").cast(micros(Some(TimeZone::UTC)))];
    frame.unwrap().lazy().with_columns(columns).collect().unwrap()
}

#[test]
fn a_csv_is_read_by_the_declared_columns() {
    let root = tempdir().unwrap();
    let lakehouse = reading(&root, Registry::of(assets![csv_readings]));
    put(
        &root,
        "csv/theirs.csv",
        "code,n,day,at,moment,ratio\n007,1,2010-01-01,2010-01-01 01:30:00,2010-01-01T01:30:00Z,1\n8,2,2010-01-02,,,\n",
    );
    let read = load(&lakehouse, "theirs");
    assert!(read.equals_missing(&wanted()), "{read}");
}

#[test]
fn a_csv_without_a_header_has_the_declared_names() {
    let root = tempdir().unwrap();
    let lakehouse = reading(&root, Registry::of(assets![bare]));
    put(&root, "csv/bare.csv", "007;1;2010-01-01;2010-01-01T01:30:00;2010-01-01T01:30:00Z;1\n8;2;2010-01-02;-;-;-\n");
    let read = load(&lakehouse, "bare");
    assert!(read.equals_missing(&wanted()), "{read}");
}

#[test]
fn a_csv_of_nothing_without_a_header_is_a_frame_of_the_declared_columns() {
    let root = tempdir().unwrap();
    let lakehouse = reading(&root, Registry::of(assets![bare]));
    put(&root, "csv/bare.csv", "");
    let read = load(&lakehouse, "bare");
    assert_eq!((read.height(), read.schema()), (0, wanted().schema()));
}

#[test]
fn json_lines_are_read_by_the_declared_columns_and_may_leave_nulls_out() {
    let root = tempdir().unwrap();
    let lakehouse = reading(&root, Registry::of(assets![json_readings]));
    let first =
        r#"{"code":"007","n":1,"day":"2010-01-01","at":"2010-01-01T01:30:00","moment":"2010-01-01T02:30:00+01:00","ratio":1}"#;
    put(&root, "json/theirs.jsonl", &format!("{first}\n{{\"day\":\"2010-01-02\",\"n\":2,\"code\":\"8\"}}\n"));
    let read = load(&lakehouse, "theirs").select(wanted().get_column_names_owned()).unwrap();
    assert!(read.equals_missing(&wanted()), "{read}");
}

#[test]
fn json_lines_of_nothing_are_a_frame_of_the_declared_columns() {
    let root = tempdir().unwrap();
    let lakehouse = reading(&root, Registry::of(assets![json_readings]));
    put(&root, "json/theirs.jsonl", "");
    let read = load(&lakehouse, "theirs");
    assert_eq!((read.height(), read.schema()), (0, wanted().schema()));
}

#[test]
fn columns_that_are_missing_added_or_of_another_type_are_named() {
    let root = tempdir().unwrap();
    let csv = reading(&root, Registry::of(assets![csv_readings]));
    put(&root, "csv/theirs.csv", "code,n,dya,at,moment,ratio,more\n007,one,2010-01-01,,,,x\n");
    let differs = "the columns are not as declared: `n` is Text and is declared as Int32; `day` is missing (there is `dya`); \
                   `more` is not declared";
    assert_eq!(refused(&csv), differs);
    let json = reading(&root, Registry::of(assets![json_readings]));
    put(&root, "json/theirs.jsonl", "{\"code\":\"007\",\"n\":\"one\",\"dya\":\"2010-01-01\",\"more\":\"x\"}\n");
    assert_eq!(refused(&json), differs);
}

#[test]
fn a_value_that_is_not_of_the_declared_type_is_named() {
    let root = tempdir().unwrap();
    let csv = reading(&root, Registry::of(assets![csv_readings]));
    put(&root, "csv/theirs.csv", "code,n,day,at,moment,ratio\n007,3000000000,2010-01-01,,,\n");
    assert!(refused(&csv).contains("3000000000"), "{}", refused(&csv));
    let json = reading(&root, Registry::of(assets![json_readings]));
    put(&root, "json/theirs.jsonl", "{\"code\":\"007\",\"n\":1,\"day\":\"soon\"}\n");
    assert!(refused(&json).contains("\"soon\" in the column `day` is not a `date`"), "{}", refused(&json));
}

#[derive(Columns)]
struct Sale {
    #[column(decimal(10, 2))]
    price: f64,
    at: DateTime,
    moment: Timestamp,
}

#[external_asset(io_manager = "csv", name = "sales")]
fn csv_sales() -> Rows<Sale, LazyFrame>;

#[external_asset(io_manager = "json", name = "sales")]
fn json_sales() -> Rows<Sale, LazyFrame>;

/// What is read of a file with one sale, or is said of it, by the format.
fn sale(price: &str, at: &str, moment: &str) -> [(&'static str, Result<DataFrame>); 2] {
    let root = tempdir().unwrap();
    put(&root, "csv/sales.csv", &format!("price,at,moment\n{price},{at},{moment}\n"));
    let line = format!(r#"{{"price":"{price}","at":"{at}","moment":"{moment}"}}"#);
    put(&root, "json/sales.jsonl", &format!("{line}\n"));
    let read = |assets| block_on(reading(&root, assets).load_frame::<DataFrame>(&key("sales")));
    [("CSV", read(Registry::of(assets![csv_sales]))), ("JSON", read(Registry::of(assets![json_sales])))]
}

#[track_caller]
fn says_more(price: &str, at: &str, moment: &str, said: &str) {
    for (format, read) in sale(price, at, moment) {
        let error = read.unwrap_err();
        assert!(error.message().contains(said), "{format}: {error}");
    }
}

#[test]
fn a_value_with_more_digits_than_the_declared_type_is_named() {
    let (local, moment) = ("2010-01-01T00:00:00", "2010-01-01T00:00:00Z");
    for price in ["19.999", "0.125", "-0.001", "1.9999e1"] {
        let said = format!("\"{price}\" in the column `price` has more digits than a `decimal[10,2]`");
        says_more(price, local, moment, &said);
    }
    for at in ["2010-01-01T00:00:00.123456789", "2010-01-01 00:00:00.0000001", "01.01.2010 00:00:00.123456789"] {
        says_more("19.99", at, moment, &format!("\"{at}\" in the column `at` has more digits than a `datetime"));
    }
    for moment in ["2010-01-01T00:00:00.123456789Z", "2010-01-01T01:00:00.123456789+01:00"] {
        says_more("19.99", local, moment, &format!("\"{moment}\" in the column `moment` has more digits than a `datetime"));
    }
}

#[test]
fn zeros_behind_the_digits_of_the_declared_type_say_nothing() {
    let micros = |zone| DataType::Datetime(TimeUnit::Microseconds, zone);
    let wanted = df!("price" => ["19.99"], "at" => [1_262_304_000_123_456i64], "moment" => [1_262_304_000_123_456i64]);
    let wanted = wanted.unwrap().lazy().select([
        col("price").strict_cast(DataType::Decimal(10, 2)),
        col("at").cast(micros(None)),
        col("moment").cast(micros(Some(TimeZone::UTC))),
    ]);
    let wanted = wanted.collect().unwrap();
    for price in ["19.99", "19.990", "0019.99000", "1.999e1"] {
        for at in ["2010-01-01T00:00:00.123456", "2010-01-01T00:00:00.123456000", "01.01.2010 00:00:00.1234560"] {
            for (format, read) in sale(price, at, "2010-01-01T01:00:00.123456000+01:00") {
                let read = read.unwrap().select(wanted.get_column_names_owned()).unwrap();
                assert!(read.equals_missing(&wanted), "{format} {price} {at}: {read}");
            }
        }
    }
}

#[test]
fn a_file_that_is_none_of_the_format_says_where_it_is() {
    let root = tempdir().unwrap();
    #[external_asset(io_manager = "ipc", name = "theirs")]
    fn ipc() -> DataFrame;
    let lakehouse = reading(&root, Registry::of(assets![ipc]));
    put(&root, "ipc/theirs.arrow", "this is no Arrow file, and not a short one either");
    assert!(block_on(lakehouse.load_frame::<DataFrame>(&key("theirs"))).is_err());
}
