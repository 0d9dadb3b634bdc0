//! What is in the bucket after a run, as somebody else sees it.

use std::io::Cursor;

use lakewright::exec::PartitionChoice;
use lakewright::io::file::{CsvIoManager, IpcIoManager, JsonIoManager, ParquetIoManager};
use lakewright::io::fs::FsIoManager;
use lakewright::io::storage::Storage;
use lakewright::partition::PartitionDefinition;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, LakehouseBuilder};
use tempfile::{TempDir, tempdir};

use super::place;
use crate::support::{abc, block_on, frame_builder, integers, key, lakehouse, run_all};

fn bind(builder: LakehouseBuilder, storage: &Storage) -> LakehouseBuilder {
    builder
        .io_manager("parquet", ParquetIoManager::at(storage.clone()))
        .io_manager("csv", CsvIoManager::at(storage.clone()))
        .io_manager("json", JsonIoManager::at(storage.clone()))
        .io_manager("ipc", IpcIoManager::at(storage.clone()))
        .io_manager("fs", FsIoManager::at(storage.clone()))
}

/// What readers see, all but what stores keep for themselves.
fn visible(storage: &Storage) -> Vec<String> {
    let all = storage.list("").unwrap().into_iter().map(|entry| entry.path);
    all.filter(|path| !path.starts_with(".lakewright/")).collect()
}

fn read(storage: &Storage, name: &str) -> DataFrame {
    let bytes = Cursor::new(storage.get(name).unwrap().unwrap());
    match name.rsplit('.').next() {
        Some("parquet") => ParquetReader::new(bytes).finish().unwrap(),
        Some("arrow") => IpcReader::new(bytes).finish().unwrap(),
        Some("jsonl") => JsonReader::new(bytes).with_json_format(JsonFormat::JsonLines).finish().unwrap(),
        _ => CsvReader::new(bytes).finish().unwrap(),
    }
}

#[test]
fn tables_are_objects_that_others_read_and_lazy_frames_come_back() {
    let (root, storage) = (tempdir().unwrap(), place("tables"));
    let asset = |store: &'static str| frame_builder(&format!("p/{store}"), abc(), |asset| asset.io_manager(store));
    let stores = ["parquet", "csv", "json", "ipc"];
    let lakehouse = bind(lakehouse(&root, stores.map(asset)), &storage).build().unwrap();
    run_all(&lakehouse);
    run_all(&lakehouse);
    assert_eq!(visible(&storage), ["p/csv.csv", "p/ipc.arrow", "p/json.jsonl", "p/parquet.parquet"]);
    for name in visible(&storage) {
        assert!(read(&storage, &name).equals_missing(&abc()), "{name}");
    }
    let own = storage.list(".lakewright").unwrap();
    assert_eq!(own.len(), stores.len(), "one manifest for each, and nothing staged is left: {own:?}");
    for store in stores {
        let lazy: LazyFrame = block_on(lakehouse.load_frame(&key(&format!("p/{store}")))).unwrap();
        let some = lazy.filter(col("a").gt(lit(1))).select([col("b")]).collect().unwrap();
        assert_eq!(integers(&some, "b"), [5, 6], "{store}");
    }
}

#[test]
fn partitions_are_objects_and_what_exists_is_found_by_listing() {
    #[partitions(keys = ["red", "blue", "gr/een", "%"])]
    struct Color;
    let (root, storage) = (tempdir().unwrap(), place("partitions"));
    let builder =
        AssetBuilder::new("t", ValueKind::Table).io_manager("parquet").partitions(Color::def().unwrap()).partition_expr("color");
    let body = |call: lakewright::Call| async move {
        let color = call.partition_key()?.to_string();
        call.produce_frame(df!("color" => [color.as_str()], "n" => [i64::try_from(color.len()).unwrap()])?)
    };
    let lakehouse = bind(lakehouse(&root, [builder.body(body).unwrap()]), &storage).build().unwrap();
    let choice = ["red", "gr/een", "%"].into_iter().fold(PartitionChoice::none(), PartitionChoice::key);
    let report = lakehouse.materialize_for_blocking("*", &choice).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    assert_eq!(visible(&storage), ["t/%25.parquet", "t/gr%2Feen.parquet", "t/red.parquet"]);
    let all: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&all, "n"), [3, 6, 1], "in the order of keys");
}

#[test]
fn a_folder_that_somebody_else_divided_is_read_from_a_bucket() {
    #[partitions(keys = ["a", "b"])]
    struct Species;
    let (root, storage) = (tempdir().unwrap(), place("hive"));
    for (species, n) in [("a", 1i64), ("b", 2)] {
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut df!("n" => [n]).unwrap()).unwrap();
        storage.put(&format!("theirs/species={species}/part-0.parquet"), bytes).unwrap();
    }
    storage.put("theirs/_SUCCESS", Vec::new()).unwrap();
    let builder = AssetBuilder::new("theirs", ValueKind::Table).io_manager("parquet").store_option("hive", true);
    let external = builder.partitions(Species::def().unwrap()).partition_expr("species").external().unwrap();
    let lakehouse = bind(lakehouse(&root, [external]), &storage).build().unwrap();
    let all: DataFrame = block_on(lakehouse.load_frame(&key("theirs"))).unwrap();
    assert_eq!(integers(&all, "n"), [1, 2]);
}

#[test]
fn an_empty_object_of_somebody_else_is_a_table_without_rows() {
    #[derive(Columns)]
    struct Line {
        n: i64,
    }
    #[external_asset(io_manager = "json", name = "theirs")]
    fn theirs() -> Rows<Line, DataFrame>;
    let (root, storage) = (tempdir().unwrap(), place("empty"));
    storage.put("theirs.jsonl", Vec::new()).unwrap();
    let builder = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![theirs]));
    let lakehouse = bind(builder, &storage).build().unwrap();
    let read: DataFrame = block_on(lakehouse.load_frame(&key("theirs"))).unwrap();
    let names: Vec<&str> = read.get_column_names().into_iter().map(PlSmallStr::as_str).collect();
    assert_eq!((read.height(), names), (0, vec!["n"]));
}

#[test]
fn objects_and_bytes_are_objects_and_a_new_extension_replaces_the_old_one() {
    let (root, storage) = (tempdir().unwrap(), place("objects"));
    let run = |root: &TempDir, extension: &'static str| {
        let builder = AssetBuilder::new("plot", ValueKind::Bytes).io_manager("fs");
        let body = move |_| async move { Ok(lakewright::Produced::value(lakewright::Value::Bytes(Bytes::new("<>", extension)))) };
        let object = AssetBuilder::new("o", ValueKind::Object).io_manager("fs");
        let object = object.body(|call: lakewright::Call| async move { call.produce_object(vec![1, 2]) }).unwrap();
        run_all(&bind(lakehouse(root, [builder.body(body).unwrap(), object]), &storage).build().unwrap());
    };
    run(&root, "svg");
    assert_eq!(visible(&storage), ["o.json", "plot.svg"]);
    run(&root, "html");
    assert_eq!(visible(&storage), ["o.json", "plot.html"]);
    assert_eq!(serde_json::from_slice::<Vec<i64>>(&storage.get("o.json").unwrap().unwrap()).unwrap(), [1, 2]);
}

#[test]
fn the_footer_of_a_parquet_object_is_read_without_the_rest() {
    let (root, storage) = (tempdir().unwrap(), place("footer"));
    let asset = frame_builder("t", abc(), |asset| asset.io_manager("parquet"));
    let lakehouse = bind(lakehouse(&root, [asset]), &storage).build().unwrap();
    run_all(&lakehouse);
    let described = block_on(lakehouse.describe(&key("t"))).unwrap();
    assert_eq!(described.footer.unwrap()["v"], 1);
    assert_eq!((described.rows, described.columns.len()), (Some(3), 2));
}

#[test]
fn a_large_table_goes_in_parts_and_comes_back() {
    let (root, storage) = (tempdir().unwrap(), place("large"));
    let many = df!("n" => (0..2_000_000i64).map(|n| n.wrapping_mul(6_364_136_223_846_793_005)).collect::<Vec<_>>()).unwrap();
    let asset = frame_builder("t", many.clone(), |asset| asset.io_manager("parquet").store_option("compression", "uncompressed"));
    let lakehouse = bind(lakehouse(&root, [asset]), &storage).build().unwrap();
    run_all(&lakehouse);
    let back: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert!(back.equals_missing(&many));
}
