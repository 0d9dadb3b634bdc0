//! Times as INT96, which Spark writes by default: what nanoseconds do not hold is refused, and never read as another time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake_core::parquet::data_type::{Int64Type, Int96, Int96Type};
use deltalake_core::parquet::file::properties::WriterProperties;
use deltalake_core::parquet::file::writer::SerializedFileWriter;
use deltalake_core::parquet::schema::parser::parse_message_type;
use lakewright::ErrorKind;
use lakewright::asset::Mode;
use lakewright::io::Maintenance;
use lakewright::prelude::*;
use serde_json::{Value as Json, json};
use tempfile::{TempDir, tempdir};

use super::{action, actions, write_table, write_version};
use crate::partitions::live_files;
use crate::support::{block_on, files_below, frame_asset, frame_builder, integers, key, lakehouse, run_all, run_to_failure};

/// Days since 1970.
const EPOCH: i64 = 0;
const NEW_YEAR_2024: i64 = 19_723;
const FIRST: i64 = -719_162;
const LAST: i64 = 2_932_896;

const DAY: i64 = 86_400_000_000;

/// Writes numbers and the midnight of days as Spark does.
fn write_file(path: &Path, numbers: &[i64], days: &[i64]) {
    let schema = parse_message_type("message spark_schema { REQUIRED INT64 n; REQUIRED INT96 valid_to; }").unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), Arc::new(schema), properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(numbers, None, None).unwrap();
    column.close().unwrap();
    // The nanoseconds of the day, and the Julian day.
    let times: Vec<Int96> = days.iter().map(|day| vec![0, 0, u32::try_from(day + 2_440_588).unwrap()].into()).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(&times, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

/// What Spark says of the times of two rows.
fn between(least: &str, greatest: &str) -> Json {
    json!({
        "numRecords": 2, "nullCount": { "valid_to": 0 },
        "minValues": { "valid_to": least }, "maxValues": { "valid_to": greatest },
    })
}

fn unknown() -> Json {
    json!({ "numRecords": 2 })
}

/// A table of files with two rows each, numbered from one on.
fn table(root: &TempDir, files: &[([i64; 2], Json)]) -> PathBuf {
    let path = root.path().join("delta/public/t");
    std::fs::create_dir_all(&path).unwrap();
    let mut added = Vec::new();
    for ((days, stats), number) in files.iter().zip((1i64..).step_by(2)) {
        let name = format!("part-{number:05}-c000.parquet");
        write_file(&path.join(&name), &[number, number + 1], days);
        added.push((name, stats.clone()));
    }
    let added: Vec<(&str, Json)> = added.iter().map(|(name, stats)| (name.as_str(), stats.clone())).collect();
    write_table(&path, &[("n", json!("long")), ("valid_to", json!("timestamp"))], &added);
    path
}

fn ours(root: &TempDir) -> Lakehouse {
    lakehouse(root, [frame_asset("t", df!("n" => [0i64]).unwrap())]).build().unwrap()
}

fn lazy(lakehouse: &Lakehouse) -> LazyFrame {
    block_on(lakehouse.load_frame(&key("t"))).unwrap()
}

fn times(frame: &DataFrame) -> Vec<i64> {
    frame.column("valid_to").unwrap().datetime().unwrap().physical().iter().flatten().collect()
}

fn before(day: i64) -> Expr {
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    col("valid_to").lt(lit(day * DAY).cast(utc))
}

fn assert_refused(error: &lakewright::Error) {
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.message().contains("`valid_to` has a time before 1677-09-22 or after 2262-04-11"), "{error:?}");
    assert!(error.help_text().unwrap().contains("TIMESTAMP_MICROS"), "{error:?}");
}

#[test]
fn times_that_nanoseconds_hold_are_read_whatever_statistics_say() {
    for stats in [between("1970-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z"), unknown()] {
        let root = tempdir().unwrap();
        table(&root, &[([EPOCH, NEW_YEAR_2024], stats)]);
        let stored = lazy(&ours(&root)).collect().unwrap();
        assert_eq!(times(&stored), [EPOCH, NEW_YEAR_2024 * DAY]);
        let some = lazy(&ours(&root)).filter(before(1)).collect().unwrap();
        assert_eq!(integers(&some, "n"), [1]);
    }
}

#[test]
fn times_that_they_do_not_hold_are_refused() {
    let said = [
        ([NEW_YEAR_2024, LAST], between("2024-01-01T00:00:00.000Z", "9999-12-31T00:00:00.000Z")),
        ([FIRST, NEW_YEAR_2024], between("0001-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z")),
        ([NEW_YEAR_2024, LAST], unknown()),
        ([FIRST, NEW_YEAR_2024], unknown()),
    ];
    for file in said {
        let root = tempdir().unwrap();
        table(&root, &[([EPOCH, NEW_YEAR_2024], unknown()), file]);
        let ours = ours(&root);
        assert_refused(&block_on(ours.load_frame::<DataFrame>(&key("t"))).unwrap_err());
        // Where it came out as the last nanosecond, this would leave the year 1 out.
        let filtered = lazy(&ours).filter(before(-1)).select([col("n")]).collect();
        assert_refused(&filtered.unwrap_err().into());
        let others = lazy(&ours).select([col("n")]).collect().unwrap();
        assert_eq!(integers(&others, "n"), [1, 2, 3, 4], "columns that are not read are not looked at");
    }
}

#[test]
fn files_without_such_times_are_read_beside_those_with() {
    let root = tempdir().unwrap();
    let known = between("1970-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z");
    table(&root, &[([EPOCH, NEW_YEAR_2024], known), ([NEW_YEAR_2024, LAST], unknown())]);
    let first = lazy(&ours(&root)).filter(col("n").lt_eq(lit(2i64))).collect().unwrap();
    assert_eq!(times(&first), [EPOCH, NEW_YEAR_2024 * DAY], "a predicate on another column has left the others out before");
}

#[test]
fn such_times_are_not_written_again() {
    let root = tempdir().unwrap();
    let path = table(&root, &[([EPOCH, NEW_YEAR_2024], unknown()), ([NEW_YEAR_2024, LAST], unknown())]);
    let live = live_files(&path);
    let optimized = block_on(ours(&root).maintain(&key("t"), None, Maintenance::Optimize { target_bytes: None }));
    assert_refused(&optimized.unwrap_err());
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let new = df!("n" => [4i64], "valid_to" => [DAY]).unwrap().lazy().with_column(col("valid_to").cast(utc)).collect().unwrap();
    let merged = frame_builder("t", new, |asset| asset.mode(Mode::Merge).on(["n"]));
    let failure = run_to_failure(&lakehouse(&root, [merged]).build().unwrap());
    assert_eq!(failure.code, ErrorKind::Unsupported.code(), "{failure:?}");
    assert!(failure.message.contains("`valid_to`"), "{failure:?}");
    assert_eq!(live_files(&path), live);
    assert_eq!(files_below(&path.join("_delta_log")).len(), 1, "and nothing was committed");
}

/// In microseconds it is no other time: pandas has it as its last.
#[test]
fn the_last_nanosecond_in_microseconds_is_a_time_like_any_other() {
    let root = tempdir().unwrap();
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let last = i64::MAX / 1_000;
    let frame = df!("n" => [1i64, 2], "valid_to" => [last, DAY]).unwrap().lazy().with_column(col("valid_to").cast(utc));
    run_all(&lakehouse(&root, [frame_asset("t", frame.collect().unwrap())]).build().unwrap());
    // As if nobody had kept statistics.
    let path = root.path().join("delta/public/t");
    let mut log = actions(&path, 0);
    let mut add = action(&log, "add");
    add["stats"] = json!(unknown().to_string());
    log.retain(|action| action.get("add").is_none());
    log.push(json!({ "add": add }));
    write_version(&path, 0, &log);
    let stored = lazy(&ours(&root)).collect().unwrap();
    assert_eq!(times(&stored), [last, DAY]);
}
