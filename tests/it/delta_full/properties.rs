//! Properties of tables, the size of files, promises that tables of others make, and tables for direct use.

use lakewright::asset::Mode;
use lakewright::io::Maintenance;
use lakewright::io::delta::{DeltaIoManager, DeltaTables};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind};
use serde_json::{Value as Json, json};
use tempfile::tempdir;

use super::{action, actions, write_version};
use crate::partitions::{days, live_files, live_rows};
use crate::support::{
    abc, block_on, files_below, frame_asset, frame_builder, integers, lakehouse, open_delta, run_all, run_to_failure,
};

fn with_properties(text: &'static str) -> impl Fn(AssetBuilder) -> AssetBuilder {
    move |asset| asset.store_option("table_properties", text)
}

#[test]
fn properties_are_set_at_creation_and_when_they_differ() {
    let root = tempdir().unwrap();
    let ours = |text| lakehouse(&root, [frame_builder("t", abc(), with_properties(text))]).build().unwrap();
    run_all(&ours("delta.logRetentionDuration = interval 60 days, team = bio"));
    let path = root.path().join("delta/public/t");
    let configuration = |version| action(&actions(&path, version), "metaData")["configuration"].clone();
    assert_eq!(configuration(0)["delta.logRetentionDuration"], "interval 60 days");
    assert_eq!(configuration(0)["team"], "bio");
    run_all(&ours("team=bio"));
    assert!(actions(&path, 1).iter().all(|action| action.get("metaData").is_none()), "nothing differs");
    run_all(&ours("team=geo"));
    assert_eq!(configuration(2)["team"], "geo");
    assert_eq!(configuration(2)["delta.logRetentionDuration"], "interval 60 days", "what is not said stays");
}

#[test]
fn properties_that_are_none_are_definition_errors() {
    let root = tempdir().unwrap();
    for (text, says) in [
        ("delta.apendOnly=true", "`delta.appendOnly`"),
        ("delta.appendOnly=yes", "takes `true` or `false`"),
        ("delta.logRetentionDuration=60 days", "takes an interval"),
        ("delta.checkpointInterval=0", "whole number"),
        ("delta.enableChangeDataFeed=true", "no property of tables that is set here"),
        ("delta.appendOnly", "not `name=value`"),
        ("a=1, a=2", "twice"),
    ] {
        let asset = frame_builder("t", abc(), |asset| asset.store_option("table_properties", text));
        let error = lakehouse(&root, [asset]).build().unwrap_err();
        let [error] = error.errors() else { panic!("one error, not {error}") };
        assert_eq!(error.kind(), ErrorKind::StoreOption, "{error}");
        let said = format!("{error} {:?}", error.help_text());
        assert!(said.contains(says), "`{says}` is not in {said}");
    }
}

#[test]
fn an_append_only_table_keeps_its_rows() {
    let naive = df!("at" => [0i64]).unwrap().lazy();
    let naive = naive.with_column(col("at").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap();
    for frame in [abc(), naive] {
        let root = tempdir().unwrap();
        let in_mode = |mode| {
            let asset = frame_builder("t", frame.clone(), |asset| with_properties("delta.appendOnly=true")(asset).mode(mode));
            lakehouse(&root, [asset]).build().unwrap()
        };
        run_all(&in_mode(Mode::Append));
        run_all(&in_mode(Mode::Append));
        let path = root.path().join("delta/public/t");
        let before = (live_rows(&path), files_below(&path));
        let failure = run_to_failure(&in_mode(Mode::Overwrite));
        assert_eq!(failure.code, ErrorKind::NotHonoured.code(), "{failure:?}");
        assert!(failure.message.contains("append-only"), "{failure:?}");
        assert_eq!((live_rows(&path), files_below(&path)), before);
        let restore = lakewright::io::Maintenance::Restore { version: 0 };
        let refused =
            crate::support::block_on(in_mode(Mode::Append).maintain(&crate::support::key("t"), None, restore)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotHonoured, "{refused:?}");
        assert_eq!((live_rows(&path), files_below(&path)), before);
    }
}

#[test]
fn files_are_about_as_large_as_asked() {
    let root = tempdir().unwrap();
    let numbers: Vec<i64> = (0..400_000i64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())).collect();
    let frame = df!("n" => &numbers).unwrap();
    let asset = frame_builder("t", frame, |asset| asset.store_option("target_file_size", 500_000));
    let ours = lakehouse(&root, [asset]).build().unwrap();
    run_all(&ours);
    let path = root.path().join("delta/public/t");
    let files = live_files(&path);
    assert!((3..=40).contains(&files.len()), "{} files of 3.2 MB", files.len());
    let in_order = || {
        let stored: DataFrame = block_on(ours.load_frame(&crate::support::key("t"))).unwrap();
        integers(&stored, "n") == numbers
    };
    assert!(in_order(), "in the order of the body");
    // As in a bucket, whose times are whole seconds.
    let mut log = actions(&path, 0);
    log.iter_mut()
        .filter_map(|action| action.get_mut("add"))
        .for_each(|add| add["modificationTime"] = json!(1_700_000_000_000_i64));
    write_version(&path, 0, &log);
    assert!(in_order(), "also where all files are of one time");
    let other = frame_builder("t", df!("n" => [1i64]).unwrap(), |asset| asset);
    run_all(&lakehouse(&root, [other]).build().unwrap());
    block_on(ours.maintain(&crate::support::key("t"), None, Maintenance::Restore { version: 0 })).unwrap();
    assert!(in_order(), "also where they came back");
}

/// A table of ours, changed as another writer might have left it; writing to it is refused and changes nothing.
#[track_caller]
fn promise(change: impl FnOnce(&mut Vec<Json>), mode: Mode, says: &str) {
    let root = tempdir().unwrap();
    let asset = |frame| frame_builder("t", frame, |asset| asset.mode(mode));
    run_all(&lakehouse(&root, [frame_asset("t", abc())]).build().unwrap());
    let path = root.path().join("delta/public/t");
    let mut log = actions(&path, 0);
    change(&mut log);
    write_version(&path, 0, &log);
    let before = files_below(&path);
    let failure = run_to_failure(&lakehouse(&root, [asset(abc())]).build().unwrap());
    assert_eq!(failure.code, ErrorKind::Unsupported.code(), "{failure:?}");
    let said = format!("{} {:?}", failure.message, failure.causes);
    assert!(said.contains(says), "`{says}` is not in {said}");
    assert_eq!((files_below(&path), actions(&path, 0)), (before, log));
}

fn of<'a>(log: &'a mut [Json], kind: &str) -> &'a mut Json {
    log.iter_mut().find_map(|action| action.get_mut(kind)).unwrap()
}

#[test]
fn promises_of_tables_are_refused_and_not_ignored() {
    for mode in [Mode::Append, Mode::Overwrite] {
        let check = |log: &mut Vec<Json>| {
            of(log, "protocol")["minWriterVersion"] = json!(3);
            of(log, "metaData")["configuration"]["delta.constraints.positive"] = json!("a > 0");
        };
        promise(check, mode, "features that this version does not write");
        let generated = |log: &mut Vec<Json>| {
            of(log, "protocol")["minWriterVersion"] = json!(4);
            let schema = of(log, "metaData")["schemaString"].as_str().unwrap().to_owned();
            let mut schema: Json = serde_json::from_str(&schema).unwrap();
            schema["fields"][1]["metadata"]["delta.generationExpression"] = json!("a + 3");
            of(log, "metaData")["schemaString"] = json!(schema.to_string());
        };
        promise(generated, mode, "features that this version does not write");
        let invariant = |log: &mut Vec<Json>| {
            let schema = of(log, "metaData")["schemaString"].as_str().unwrap().to_owned();
            let mut schema: Json = serde_json::from_str(&schema).unwrap();
            schema["fields"][0]["metadata"]["delta.invariants"] = json!("{\"expression\":{\"expression\":\"a > 0\"}}");
            of(log, "metaData")["schemaString"] = json!(schema.to_string());
        };
        promise(invariant, mode, "`a` of the table has a constraint");
        let feed = |log: &mut Vec<Json>| {
            of(log, "protocol")["minWriterVersion"] = json!(4);
            of(log, "metaData")["configuration"]["delta.enableChangeDataFeed"] = json!("true");
        };
        promise(feed, mode, "features that this version does not write");
    }
}

#[test]
fn files_with_maps_are_not_written_again() {
    let root = tempdir().unwrap();
    let path = root.path().join("delta/public/t");
    std::fs::create_dir_all(path.join("_delta_log")).unwrap();
    // Rows of two days in one file: what Polars calls a list of structs is what Parquet keeps a map as.
    let entry = df!("key" => ["k"], "value" => [1i64]).unwrap().into_struct("entry".into()).into_series();
    let maps = Series::new("m".into(), [entry.clone(), entry]);
    let mut frame = df!("day" => [1_672_531_200_000_000i64, 1_672_617_600_000_000]).unwrap();
    frame.with_column(maps.into_column()).unwrap();
    let mut frame =
        frame.lazy().with_column(col("day").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap();
    ParquetWriter::new(std::fs::File::create(path.join("theirs.parquet")).unwrap()).finish(&mut frame).unwrap();
    let field = |name: &str, kind: Json| json!({ "name": name, "type": kind, "nullable": true, "metadata": {} });
    let map = json!({ "type": "map", "keyType": "string", "valueType": "long", "valueContainsNull": true });
    let schema = json!({ "type": "struct", "fields": [field("day", json!("timestamp_ntz")), field("m", map)] });
    let size = std::fs::metadata(path.join("theirs.parquet")).unwrap().len();
    let log = [
        json!({ "protocol": {
            "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"],
        } }),
        json!({ "metaData": {
            "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "format": { "provider": "parquet", "options": {} },
            "schemaString": schema.to_string(), "partitionColumns": [], "configuration": {}, "createdTime": 1,
        } }),
        json!({ "add": {
            "path": "theirs.parquet", "partitionValues": {}, "size": size, "modificationTime": 1, "dataChange": true,
            "stats": json!({ "numRecords": 2 }).to_string(),
        } }),
    ];
    write_version(&path, 0, &log);
    let before = files_below(&path);
    let frame = df!("day" => [1_672_531_200_000_000i64]).unwrap().lazy();
    let frame = frame.with_column(col("day").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap();
    let asset = AssetBuilder::new("t", ValueKind::Table).partitions(days()).partition_expr("day");
    let asset = asset.store_option("schema_mode", "merge").body(move |call| {
        let frame = frame.clone();
        async move { call.produce_frame(frame) }
    });
    let ours = lakehouse(&root, [asset.unwrap()]).build().unwrap();
    let report = ours.materialize_for_blocking("t", &lakewright::exec::PartitionChoice::none().key("2023-01-01")).unwrap();
    let failure = report.failures().next().unwrap().1;
    assert_eq!(failure.code, ErrorKind::Unsupported.code(), "{failure:?}");
    assert!(failure.message.contains("`m` has maps"), "{failure:?}");
    assert_eq!((files_below(&path), actions(&path, 0).len()), (before, 3));
}

#[test]
fn a_resource_gives_tables_for_direct_use() {
    let root = tempdir().unwrap();
    let store = DeltaIoManager::new(root.path().join("delta"));
    let first = frame_asset("shop/t", abc());
    let ours = lakehouse(&root, [first]).build().unwrap();
    run_all(&ours);
    run_all(&ours);
    let tables = DeltaTables::new(store);
    block_on(async {
        assert_eq!(tables.table("shop/t").await.unwrap().version(), Some(1));
        assert_eq!(tables.table_at("shop/t", 0).await.unwrap().version(), Some(0));
        let plan = tables.scan("shop/t", Some(0)).await.unwrap();
        let frame = tokio::task::spawn_blocking(|| plan.collect().unwrap()).await.unwrap();
        assert!(frame.equals(&abc()));
        let error = tables.table("shop/nothing").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
    });
    assert_eq!(open_delta(&root.path().join("delta/shop/t")).version(), Some(1));

    #[asset(io_manager = "memory")]
    async fn version(tables: Resource<DeltaTables>) -> Result<i64> {
        let table = tables.table("shop/t").await?;
        Ok(table.version().and_then(|version| i64::try_from(version).ok()).unwrap_or_default())
    }
    let using = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![version])).default_stores();
    let using = using.resource("tables", tables).build().unwrap();
    assert!(using.materialize_blocking("*").unwrap().is_success());
}
