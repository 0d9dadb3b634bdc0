//! Where partitions are: the paths are part of the interface, whatever keys look like.

use std::collections::BTreeSet;

use lakewright::partition::PartitionDefinition;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind};
use tempfile::tempdir;

use super::{Color, Version, colors, of, succeed};
use crate::support::{frame_asset, frame_builder, lakehouse, read_file, texts, visible_files};

#[partitions(keys = ["0.0-to-1.0", "a/b", "a%2Fb", "..", ".", "%2E", "ü|,'\"", " ", "v.json", "v.json.pending", "x.parquet", "C:\\x", "~"])]
struct Hostile;

#[partitions(daily, start = "2023-01-01", end = "2023-02-01")]
struct Day;

#[partitions]
struct DayColor {
    date: Day,
    color: Color,
}

/// An asset whose rows say which partition they are.
#[track_caller]
fn named<P: PartitionDefinition>(key: &str, store: &str) -> lakewright::AssetSpec {
    let builder = AssetBuilder::new(key, ValueKind::Table).io_manager(store).partitions(P::def().unwrap());
    let body = |call: lakewright::Call| async move { call.produce_frame(df!("p" => [call.partition_key()?.to_string()])?) };
    builder.body(body).unwrap()
}

#[test]
fn a_partition_is_a_file_named_by_its_key() {
    let root = tempdir().unwrap();
    for store in ["parquet", "csv"] {
        let lakehouse = lakehouse(&root, [named::<Hostile>("s/t", store)]).build().unwrap();
        let report = lakehouse.materialize_for_blocking("*", &lakewright::exec::PartitionChoice::all()).unwrap();
        assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
        let wanted = [
            ("0.0-to-1.0", "0.0-to-1.0"),
            ("a/b", "a%2Fb"),
            ("a%2Fb", "a%252Fb"),
            ("..", "%2E%2E"),
            (".", "%2E"),
            ("%2E", "%252E"),
            ("ü|,'\"", "ü|,'\""),
            (" ", " "),
            ("v.json", "v.json"),
            ("v.json.pending", "v.json.pending"),
            ("x.parquet", "x.parquet"),
            ("C:\\x", "C:%5Cx"),
            ("~", "~"),
        ];
        let folder = root.path().join(store).join("s/t");
        for (key, file) in wanted {
            let frame = read_file(&folder.join(format!("{file}.{store}")));
            assert_eq!(frame.height(), 1, "{key}");
            let text = texts(&frame.lazy().select([col("p").cast(DataType::String)]).collect().unwrap(), "p");
            // The text form escapes what it joins dimensions by.
            assert!(text[0] == key || key.contains('|') || key.contains('\\'), "{key} became {text:?}");
        }
        assert_eq!(visible_files(&folder).len(), wanted.len());
        assert_eq!(visible_files(&root.path().join(store)).len(), wanted.len(), "and nothing is elsewhere");
    }
}

#[test]
fn long_keys_are_cut_and_stay_distinct() {
    let root = tempdir().unwrap();
    let keys: Vec<String> = ["x", "y"].iter().map(|end| format!("{}{end}", "é".repeat(150))).collect();
    let def = lakewright::partition::PartitionsDef::fixed("Long", &keys).unwrap();
    let builder = AssetBuilder::new("t", ValueKind::Table).io_manager("parquet").partitions(def);
    let body = |call: lakewright::Call| async move { call.produce_frame(df!("p" => [call.partition_key()?.to_string()])?) };
    let lakehouse = lakehouse(&root, [builder.body(body).unwrap()]).build().unwrap();
    assert!(lakehouse.materialize_for_blocking("*", &lakewright::exec::PartitionChoice::all()).unwrap().is_success());
    let folder = root.path().join("parquet/t");
    let files = visible_files(&folder);
    assert!(files.iter().all(|file| file.starts_with(&"é".repeat(80)) && file.len() == 160 + 1 + 16 + ".parquet".len()));
    let stored: BTreeSet<String> = files.iter().map(|file| texts(&read_file(&folder.join(file)), "p").remove(0)).collect();
    assert_eq!(stored, keys.into_iter().collect());
}

#[test]
fn dimensions_nest_sorted_by_name() {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, [named::<DayColor>("s/t", "parquet")]).build().unwrap();
    assert!(lakehouse.materialize_for_blocking("*", &of(&["red|2023-01-02", "blue|2023-01-31"])).unwrap().is_success());
    let base = root.path().join("parquet");
    assert_eq!(visible_files(&base), ["s/t/blue/2023-01-31.parquet", "s/t/red/2023-01-02.parquet"]);
    assert_eq!(texts(&read_file(&base.join("s/t/red/2023-01-02.parquet")), "p"), ["red|2023-01-02"]);
}

#[test]
fn objects_and_bytes_are_named_likewise() {
    #[asset(io_manager = "fs", partitions = DayColor)]
    fn note(at: Partition<DayColor>) -> String {
        at.key().to_owned()
    }
    #[asset(io_manager = "fs", partitions = Color)]
    fn plot(color: Partition<Color>) -> Bytes {
        // Each partition may have an extension of its own.
        Bytes::new(color.key().to_owned(), if color.key() == "red" { "svg" } else { "png" })
    }
    let root = tempdir().unwrap();
    let lakehouse = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![note, plot])).build().unwrap();
    assert!(lakehouse.materialize_for_blocking("note", &of(&["red|2023-01-02"])).unwrap().is_success());
    assert!(lakehouse.materialize_for_blocking("plot", &of(&["red", "blue"])).unwrap().is_success());
    let base = root.path().join("fs");
    assert_eq!(visible_files(&base), ["note/red/2023-01-02.json", "plot/blue.png", "plot/red.svg"]);
    assert_eq!(std::fs::read_to_string(base.join("note/red/2023-01-02.json")).unwrap(), "\"red|2023-01-02\"");
    assert_eq!(std::fs::read_to_string(base.join("plot/blue.png")).unwrap(), "blue");
}

#[test]
fn an_asset_inside_the_folder_of_another_ones_partitions_is_refused() {
    let root = tempdir().unwrap();
    for store in ["parquet", "csv"] {
        let outer = || colors(store, &Version::default(), |asset| asset);
        for inner in ["t/red", "t/elsewhere", "t/a/b"] {
            let inner = frame_builder(inner, df!("x" => [1]).unwrap(), |asset| asset.io_manager(store));
            let error = lakehouse(&root, [outer(), inner]).build().unwrap_err();
            assert_eq!(error.errors().len(), 1);
            assert_eq!(error.errors()[0].kind(), ErrorKind::SharedLocation);
        }
        let nested = named::<Color>("t/red", store);
        let error = lakehouse(&root, [outer(), nested]).build().unwrap_err();
        assert_eq!(error.errors()[0].kind(), ErrorKind::SharedLocation, "partitions of both might be one file");
        let beside = frame_builder("t2/red", df!("x" => [1]).unwrap(), |asset| asset.io_manager(store));
        lakehouse(&root, [outer(), beside, frame_asset("t/red", df!("x" => [1]).unwrap())]).build().unwrap();
    }
    let plot = AssetBuilder::new("p", ValueKind::Bytes).io_manager("fs").partitions(Color::def().unwrap());
    let plot = plot.body(|_| async { Ok(lakewright::Produced::nothing()) }).unwrap();
    let inner = AssetBuilder::new("p/red", ValueKind::Object).io_manager("fs");
    let inner = inner.body(|_| async { Ok(lakewright::Produced::nothing()) }).unwrap();
    let error = lakehouse(&root, [plot, inner]).build().unwrap_err();
    assert_eq!(error.errors()[0].kind(), ErrorKind::SharedLocation);
}

#[test]
fn a_partitioned_asset_and_one_of_the_same_name_in_two_formats_live_side_by_side() {
    let root = tempdir().unwrap();
    let version = Version::default();
    let lakehouse = lakehouse(&root, [colors("parquet", &version, |asset| asset)]).build().unwrap();
    succeed(&lakehouse, &["red"]);
    assert_eq!(visible_files(root.path()), ["parquet/t/red.parquet"]);
    let event = succeed(&lakehouse, &["red"]).materializations().next().unwrap().location.clone();
    assert_eq!(std::path::Path::new(&event), root.path().canonicalize().unwrap().join("parquet/t/red.parquet"));
}
