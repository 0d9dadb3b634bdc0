//! Maps of partitions, and outputs that may be absent: frames, objects and bytes.

use std::collections::BTreeMap;

use lakewright::event::EventKind;
use lakewright::prelude::*;
use tempfile::{TempDir, tempdir};

use super::{Color, of, rows};
use crate::support::{Heard, block_on, key, lakehouse, read_file, texts, visible_files};

#[asset(io_manager = "parquet", partitions = Color)]
fn frames(colors: PartitionSet<Color>) -> Result<Partitions<Color, DataFrame>> {
    colors.iter().map(|color| color.map(|color| (color.clone(), rows(color.key(), 1)))).collect()
}

#[asset(io_manager = "csv", partitions = Color)]
fn lazy(frames: Partitions<Color, LazyFrame>) -> Partitions<Color, LazyFrame> {
    frames.map(|color, frame| frame.with_column(lit(color.key().to_owned()).alias("seen")))
}

#[asset(io_manager = "fs", partitions = Color)]
fn objects(frames: Partitions<Color, DataFrame>) -> Partitions<Color, BTreeMap<String, i64>> {
    frames.map(|color, frame| BTreeMap::from([(color.key().to_owned(), height(&frame))]))
}

#[asset(io_manager = "fs", partitions = Color)]
fn bytes(objects: Partitions<Color, BTreeMap<String, i64>>) -> Partitions<Color, Bytes> {
    objects.map(|_, object| Bytes::new(format!("{object:?}"), "txt"))
}

fn height(frame: &DataFrame) -> i64 {
    frame.height().try_into().unwrap()
}

#[asset(io_manager = "memory")]
fn all(bytes: Partitions<Color, Bytes>, objects: Partitions<Color, BTreeMap<String, i64>>) -> Vec<(String, String, i64)> {
    let found = bytes.iter().zip(objects.iter()).map(|((color, bytes), (same, object))| {
        assert_eq!(color, same);
        (color.key().to_owned(), String::from_utf8(bytes.to_vec()).unwrap(), object[color.key()])
    });
    found.collect()
}

fn of_types(root: &TempDir) -> Lakehouse {
    let registry = Registry::of(assets![frames, lazy, objects, bytes, all]);
    Lakehouse::builder().root(root.path()).registry(registry).build().unwrap()
}

#[test]
fn a_map_goes_from_file_to_file_and_from_type_to_type() {
    let root = tempdir().unwrap();
    let lakehouse = of_types(&root);
    let exists = |asset| block_on(lakehouse.describe(&key(asset))).unwrap().exists;
    assert_eq!(["frames", "lazy", "objects", "bytes"].map(exists), [false; 4]);
    let report = lakehouse.materialize_for_blocking("*", &of(&["green", "red"])).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    assert_eq!(["frames", "lazy", "objects", "bytes"].map(exists), [true; 4]);
    let wanted = [
        "csv/lazy/green.csv",
        "csv/lazy/red.csv",
        "fs/bytes/green.txt",
        "fs/bytes/red.txt",
        "fs/objects/green.json",
        "fs/objects/red.json",
        "parquet/frames/green.parquet",
        "parquet/frames/red.parquet",
    ];
    assert_eq!(visible_files(root.path()), wanted);
    for color in ["green", "red"] {
        let frame = read_file(&root.path().join(format!("csv/lazy/{color}.csv")));
        assert_eq!(texts(&frame, "seen"), [color; 3]);
        assert_eq!(texts(&frame, "color"), [color; 3]);
        let bytes = std::fs::read_to_string(root.path().join(format!("fs/bytes/{color}.txt"))).unwrap();
        assert_eq!(bytes, format!("{{{color:?}: 3}}"));
    }
    let Some(lakewright::Value::Object(object)) = block_on(lakehouse.load(&key("all"))).unwrap() else { panic!("an object") };
    let found: Vec<(String, String, i64)> = object.decode().unwrap();
    assert_eq!(found.iter().map(|(color, ..)| color.as_str()).collect::<Vec<_>>(), ["red", "green"], "in the order of keys");
}

#[test]
fn a_map_that_leaves_a_partition_out_is_an_error_and_stores_nothing() {
    #[asset(io_manager = "parquet", partitions = Color)]
    fn some(colors: PartitionSet<Color>) -> Result<Partitions<Color, DataFrame>> {
        colors.iter().take(1).map(|color| color.map(|color| (color.clone(), rows(color.key(), 1)))).collect()
    }
    #[asset(io_manager = "parquet", partitions = Color)]
    fn other(_colors: PartitionSet<Color>) -> Result<Partitions<Color, DataFrame>> {
        ["red", "blue"].into_iter().map(|color| Ok((color.parse()?, rows(color, 1)))).collect()
    }
    let root = tempdir().unwrap();
    let lakehouse = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![some, other])).build().unwrap();
    for (asset, keys, wanted) in [
        ("some", &["red", "blue"][..], "`some` produced nothing for `blue`, and its output is not optional"),
        ("other", &["red"], "the body gave a value for the partition"),
    ] {
        let report = lakehouse.materialize_for_blocking(asset, &of(keys)).unwrap();
        let failure = report.failures().next().expect("it fails").1;
        assert!(failure.message.contains(wanted), "{failure:?}");
        assert_eq!(visible_files(root.path()), [""; 0], "nothing is stored, and nothing staged is left");
    }
}

#[test]
fn an_absent_output_keeps_what_is_there_and_says_so() {
    #[asset(io_manager = "parquet", partitions = Color)]
    fn perhaps(color: Partition<Color>) -> Option<LazyFrame> {
        (color.key() != "blue").then(|| rows(color.key(), 1).lazy())
    }
    #[asset(io_manager = "csv", partitions = Color)]
    fn down(perhaps: Option<DataFrame>, color: Partition<Color>) -> Result<DataFrame> {
        let rows = perhaps.map_or(-1, |frame| height(&frame));
        Ok(df!("color" => [color.key()], "rows" => [rows])?)
    }
    #[asset(io_manager = "parquet", partitions = Color)]
    fn map(colors: PartitionSet<Color>) -> Result<Partitions<Color, Option<DataFrame>>> {
        colors.iter().map(|color| color.map(|color| (color.clone(), (color.key() == "red").then(|| rows("red", 1))))).collect()
    }
    let root = tempdir().unwrap();
    let heard = Heard::default();
    let builder = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![perhaps, down, map]));
    let lakehouse = heard.listen(builder).build().unwrap();
    let report = lakehouse.materialize_for_blocking("*", &of(&["red", "blue"])).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    assert_eq!(
        visible_files(root.path()),
        ["csv/down/blue.csv", "csv/down/red.csv", "parquet/map/red.parquet", "parquet/perhaps/red.parquet"]
    );
    let rows = |color: &str| crate::support::integers(&read_file(&root.path().join(format!("csv/down/{color}.csv"))), "rows");
    assert_eq!((rows("red"), rows("blue")), (vec![3], vec![-1]));
    let blue = "v1:[blue]".parse().unwrap();
    let kinds = heard.kinds();
    let skipped = kinds.iter().filter(|kind| matches!(kind, EventKind::OutputSkipped { slice, .. } if *slice == blue)).count();
    let missing = kinds.iter().filter(|kind| matches!(kind, EventKind::InputMissing { .. })).count();
    assert_eq!((skipped, missing), (2, 1), "{kinds:#?}");
}

#[test]
fn an_absent_output_leaves_the_old_file() {
    let root = tempdir().unwrap();
    let made = |frame: Option<DataFrame>| {
        let builder = lakewright::AssetBuilder::new("t", ValueKind::Table).io_manager("parquet").optional();
        let body = move |call: lakewright::Call| {
            let frame = frame.clone();
            async move { frame.map_or_else(|| Ok(lakewright::Produced::nothing()), |frame| call.produce_frame(frame)) }
        };
        lakehouse(&root, [builder.body(body).unwrap()]).build().unwrap()
    };
    crate::support::run_all(&made(Some(rows("red", 1))));
    let before = std::fs::read(root.path().join("parquet/t.parquet")).unwrap();
    assert_eq!(crate::support::run_all(&made(None)).materializations().count(), 0);
    assert_eq!(std::fs::read(root.path().join("parquet/t.parquet")).unwrap(), before);
}
