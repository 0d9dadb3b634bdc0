//! Tables whose structs gained a field after files were written, as Spark's `ALTER TABLE … ADD COLUMNS (s.b …)` leaves them.

use std::path::{Path, PathBuf};

use lakewright::io::Maintenance;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind};
use serde_json::{Value as Json, json};
use tempfile::{TempDir, tempdir};

use super::{action, actions, write_table};
use crate::support::{block_on, frame_asset, integers, key, lakehouse};

fn folder(root: &TempDir) -> PathBuf {
    let path = root.path().join("delta/public/t");
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn write_file(path: &Path, mut frame: DataFrame) {
    ParquetWriter::new(std::fs::File::create(path).unwrap()).finish(&mut frame).unwrap();
}

/// A frame with a column `n`, and these columns as the fields of a struct `s`.
fn with_struct(n: i64, fields: DataFrame) -> DataFrame {
    let mut frame = df!("n" => vec![n; fields.height()]).unwrap();
    frame.with_column(fields.into_struct("s".into()).into_series().into_column()).unwrap();
    frame
}

fn struct_of(fields: &[(&str, Json)]) -> Json {
    let fields: Vec<Json> =
        fields.iter().map(|(name, kind)| json!({ "name": name, "type": kind, "nullable": true, "metadata": {} })).collect();
    json!({ "type": "struct", "fields": fields })
}

fn counted(rows: u64) -> Json {
    json!({ "numRecords": rows })
}

fn external(root: &TempDir) -> Lakehouse {
    let asset = AssetBuilder::new("t", ValueKind::Table).external().unwrap();
    lakehouse(root, [asset]).build().unwrap()
}

/// The values of the fields `a` and `b` of the struct, by the row.
fn fields(frame: &DataFrame) -> Vec<(Option<i64>, Option<i64>)> {
    let structs = frame.column("s").unwrap().struct_().unwrap().clone();
    let field = |name: &str| -> Vec<Option<i64>> { structs.field_by_name(name).unwrap().i64().unwrap().iter().collect() };
    field("a").into_iter().zip(field("b")).collect()
}

/// Two files, the older of which lacks the field `b`.
fn grown(root: &TempDir) -> PathBuf {
    let path = folder(root);
    write_file(&path.join("old.parquet"), with_struct(1, df!("a" => [Some(10i64), None]).unwrap()));
    write_file(&path.join("new.parquet"), with_struct(2, df!("a" => [20i64], "b" => [21i64]).unwrap()));
    let grown = struct_of(&[("a", json!("long")), ("b", json!("long"))]);
    let files = [("old.parquet", counted(2)), ("new.parquet", counted(1))];
    write_table(&path, &[("n", json!("long")), ("s", grown)], &files);
    path
}

#[test]
fn a_field_that_a_struct_gained_is_null_in_older_files() {
    let root = tempdir().unwrap();
    grown(&root);
    let ours = external(&root);
    let stored: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&stored, "n"), [1, 1, 2]);
    assert_eq!(fields(&stored), [(Some(10), None), (None, None), (Some(20), Some(21))]);

    let lazy: LazyFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    // A filter on the field itself is refused by Polars, which looks for it in the statistics of each file.
    let some = lazy.filter(col("n").eq(lit(1))).select([col("s")]).collect().unwrap();
    assert_eq!(fields(&some), [(Some(10), None), (None, None)]);
}

#[test]
fn files_from_before_and_after_become_one() {
    let root = tempdir().unwrap();
    let path = grown(&root);
    let ours = lakehouse(&root, [frame_asset("t", df!("n" => [0i64]).unwrap())]).build().unwrap();
    let done = block_on(ours.maintain(&key("t"), None, Maintenance::Optimize { target_bytes: None })).unwrap();
    assert_eq!((done.removed.len(), done.added.len()), (2, 1));
    let one = action(&actions(&path, 1), "add")["path"].as_str().unwrap().to_owned();
    let one = ParquetReader::new(std::fs::File::open(path.join(one)).unwrap()).finish().unwrap();
    assert_eq!(fields(&one), [(Some(10), None), (None, None), (Some(20), Some(21))]);
}

#[test]
fn structs_in_lists_grow_too() {
    let root = tempdir().unwrap();
    let path = folder(&root);
    let listed = |fields: DataFrame| {
        let values = fields.into_struct("item".into()).into_series();
        let lists = Series::new("l".into(), [values]);
        DataFrame::new(1, vec![lists.into_column()]).unwrap()
    };
    write_file(&path.join("old.parquet"), listed(df!("a" => [10i64, 11]).unwrap()));
    write_file(&path.join("new.parquet"), listed(df!("a" => [20i64], "b" => [21i64]).unwrap()));
    let grown = struct_of(&[("a", json!("long")), ("b", json!("long"))]);
    let list = json!({ "type": "array", "elementType": grown, "containsNull": true });
    write_table(&path, &[("l", list)], &[("old.parquet", counted(1)), ("new.parquet", counted(1))]);
    let stored: DataFrame = block_on(external(&root).load_frame(&key("t"))).unwrap();
    let lists = stored.column("l").unwrap().as_materialized_series().clone();
    let values = lists.explode(ExplodeOptions { empty_as_null: false, keep_nulls: false }).unwrap();
    let values = DataFrame::new(values.len(), vec![values.with_name("s".into()).into_column()]).unwrap();
    assert_eq!(fields(&values), [(Some(10), None), (Some(11), None), (Some(20), Some(21))]);
}

/// Expects a file with this struct to be refused in a table whose struct has `a` and `b`.
fn refused(inside: DataFrame, says: &str) {
    let root = tempdir().unwrap();
    let path = folder(&root);
    let rows = u64::try_from(inside.height()).unwrap();
    write_file(&path.join("theirs.parquet"), with_struct(1, inside));
    let declared = struct_of(&[("a", json!("long")), ("b", json!("long"))]);
    write_table(&path, &[("n", json!("long")), ("s", declared)], &[("theirs.parquet", counted(rows))]);
    let error = block_on(external(&root).load_frame::<DataFrame>(&key("t"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error:?}");
    assert!(format!("{error:?}").contains(says), "{error:?}");
}

#[test]
fn structs_of_other_types_or_with_other_fields_are_refused() {
    refused(df!("a" => ["x"]).unwrap(), "data type mismatch");
    refused(df!("a" => [1i64], "c" => [2i64]).unwrap(), "extra struct field");
}

#[test]
fn maps_whose_entries_have_other_names_are_refused_and_not_null() {
    let root = tempdir().unwrap();
    let path = folder(&root);
    let entries = df!("keys" => ["k"], "values" => [1i64]).unwrap().into_struct("entry".into()).into_series();
    let maps = Series::new("m".into(), [entries]);
    write_file(&path.join("theirs.parquet"), DataFrame::new(1, vec![maps.into_column()]).unwrap());
    let map = json!({ "type": "map", "keyType": "string", "valueType": "long", "valueContainsNull": true });
    write_table(&path, &[("m", map)], &[("theirs.parquet", counted(1))]);
    let error = block_on(external(&root).load_frame::<DataFrame>(&key("t"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error:?}");
}

#[test]
fn times_in_milliseconds_are_read() {
    let root = tempdir().unwrap();
    let path = folder(&root);
    let milliseconds = DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC));
    let frame = df!("at" => [1_704_067_200_001i64, -1]).unwrap().lazy().with_column(col("at").cast(milliseconds));
    write_file(&path.join("theirs.parquet"), frame.collect().unwrap());
    write_table(&path, &[("at", json!("timestamp"))], &[("theirs.parquet", counted(2))]);
    let stored: DataFrame = block_on(external(&root).load_frame(&key("t"))).unwrap();
    let at: Vec<i64> = stored.column("at").unwrap().datetime().unwrap().physical().iter().flatten().collect();
    assert_eq!(at, [1_704_067_200_001_000, -1_000]);
}
