//! The options of the store arrive in the files.

use std::path::Path;

use lakewright::io::file::ParquetIoManager;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind};
use serde_json::json;
use tempfile::tempdir;

use crate::support::{block_on, frame_builder, key, lakehouse, read_file, run_all, run_to_failure, visible_files};

fn numbers() -> DataFrame {
    df!("n" => (0..1_000i64).collect::<Vec<_>>(), "t" => (0..1_000).map(|n| format!("text {n}")).collect::<Vec<_>>()).unwrap()
}

/// What the footer of a file says.
#[derive(Debug, PartialEq)]
struct Footer {
    compression: String,
    groups: Vec<usize>,
    statistics: bool,
    bytes: i64,
}

#[expect(clippy::redundant_closure_for_method_calls, reason = "Polars does not export the types")]
fn footer(path: &Path) -> Footer {
    let metadata = ParquetReader::new(std::fs::File::open(path).unwrap()).get_metadata().unwrap().clone();
    let columns = || metadata.row_groups.iter().flat_map(|group| group.parquet_columns());
    let mut compressions: Vec<String> = columns().map(|column| format!("{:?}", column.compression()).to_lowercase()).collect();
    compressions.dedup();
    Footer {
        compression: compressions.join(","),
        groups: metadata.row_groups.iter().map(|group| group.num_rows()).collect(),
        statistics: columns().all(|column| column.statistics(&metadata.footer_buf).is_some()),
        bytes: columns().map(|column| column.uncompressed_size()).sum(),
    }
}

/// The footer of a file that an asset with these options wrote to a store with those.
fn written(store: &[(&str, MetadataValue)], asset: &[(&str, MetadataValue)]) -> Footer {
    let root = tempdir().unwrap();
    let store = store.iter().fold(ParquetIoManager::new(root.path()), |store, (name, value)| store.option(*name, value.clone()));
    let with = |builder: AssetBuilder| {
        asset.iter().fold(builder.io_manager("p"), |builder, (name, value)| builder.store_option(*name, value.clone()))
    };
    run_all(&lakehouse(&root, [frame_builder("t", numbers(), with)]).io_manager("p", store).build().unwrap());
    let file = root.path().join("t.parquet");
    assert!(read_file(&file).equals_missing(&numbers()));
    footer(&file)
}

#[test]
fn options_arrive_in_the_footer() {
    let plain = written(&[], &[]);
    assert_eq!((plain.compression.as_str(), &plain.groups[..], plain.statistics), ("zstd", &[1_000][..], true));
    for (name, found) in
        [("snappy", "snappy"), ("lz4", "lz4raw"), ("gzip", "gzip"), ("zstd", "zstd"), ("uncompressed", "uncompressed")]
    {
        assert_eq!(written(&[], &[("compression", name.into())]).compression.replace('_', ""), found);
    }
    assert_eq!(written(&[], &[("row_group_size", 400i64.into())]).groups, [400, 400, 200]);
    assert!(!written(&[], &[("statistics", false.into())]).statistics);
    let pages = written(&[], &[("data_page_size", 100i64.into())]);
    assert!(pages.bytes > plain.bytes + 1_000, "each page has a head of its own: {} and {}", pages.bytes, plain.bytes);
    for (name, level) in [("zstd", 19i64), ("gzip", 9)] {
        let made = written(&[], &[("compression", name.into()), ("compression_level", level.into())]);
        assert_eq!(made.compression, name);
    }
}

#[test]
fn the_option_of_an_asset_beats_that_of_the_store() {
    let store = [("compression", "zstd".into()), ("compression_level", 19i64.into()), ("statistics", false.into())];
    let made = written(&store, &[]);
    assert_eq!((made.compression.as_str(), made.statistics), ("zstd", false));
    let made = written(&store, &[("statistics", true.into())]);
    assert!(made.statistics);
    assert_eq!(written(&store, &[("compression", "snappy".into())]).compression, "snappy", "which has no levels");
}

#[test]
fn options_that_make_no_sense_are_found_before_anything_runs() {
    let root = tempdir().unwrap();
    let refused = |options: &[(&str, MetadataValue)]| {
        let with = |builder: AssetBuilder| {
            options
                .iter()
                .fold(builder.io_manager("parquet"), |builder, (name, value)| builder.store_option(*name, value.clone()))
        };
        let error = lakehouse(&root, [frame_builder("t", numbers(), with)]).build().unwrap_err();
        assert_eq!(error.errors().len(), 1, "{error}");
        assert_eq!(error.errors()[0].kind(), ErrorKind::StoreOption);
        error.errors()[0].message().to_owned()
    };
    let level = |level: i64| ("compression_level", MetadataValue::from(level));
    assert_eq!(refused(&[("compression", "snappy".into()), level(3)]), "`snappy` has no `compression_level`");
    assert_eq!(refused(&[("compression", "uncompressed".into()), level(3)]), "`uncompressed` has no `compression_level`");
    assert_eq!(refused(&[level(23)]), "`compression_level` of `zstd` is from 1 to 22");
    assert_eq!(refused(&[("compression", "gzip".into()), level(10)]), "`compression_level` of `gzip` is from 1 to 9");
    assert_eq!(
        refused(&[("row_group_size", 0i64.into())]),
        "the option `row_group_size` of the Parquet store takes a whole number from 1, not `0`"
    );
    assert_eq!(refused(&[("statistic", true.into())]), "the Parquet store has no option `statistic`");
    assert!(refused(&[("compression", "brotli".into())]).contains("takes one of \"zstd\""));
    assert!(refused(&[("hive", true.into())]).starts_with("`hive` reads a folder that somebody else writes"));

    let store = ParquetIoManager::new(root.path()).option("compression_level", 40i64);
    let asset = frame_builder("t", numbers(), |builder| builder.io_manager("p"));
    let error = lakehouse(&root, [asset]).io_manager("p", store).build().unwrap_err();
    assert_eq!(error.errors()[0].message(), "`compression_level` of `zstd` is from 1 to 22");
}

#[test]
fn a_file_says_what_it_is_of() {
    let root = tempdir().unwrap();
    let lakehouse = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![described])).build().unwrap();
    let report = run_all(&lakehouse);
    let run = report.run.clone();

    #[asset(io_manager = "parquet", key_prefix = "s", code_version = "3", metadata(owner = "ö\"me"))]
    /// Numbers.
    fn described(context: &Context) -> DataFrame {
        context.add_metadata("seen", 7i64);
        numbers()
    }
    let wanted = json!({
        "v": 1, "asset": "s/described", "slice": "v1:all", "run": run, "code_version": "3", "description": "Numbers.",
        "asset_metadata": { "owner": { "type": "text", "value": "ö\"me" } }, "metadata": { "seen": { "type": "int", "value": 7 } },
    });
    let description = block_on(lakehouse.describe(&key("s/described"))).unwrap();
    assert_eq!(description.footer, Some(wanted.clone()));
    assert_eq!((description.rows, description.columns.len()), (Some(1_000), 2));
    let file = std::fs::File::open(root.path().join("parquet/s/described.parquet")).unwrap();
    let metadata = ParquetReader::new(file).get_metadata().unwrap().clone();
    let pairs = metadata.key_value_metadata.clone().unwrap();
    let own = pairs.iter().find(|pair| pair.key == "lakewright").unwrap().value.clone().unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&own).unwrap(), wanted);
}

#[test]
fn a_plan_that_fails_leaves_the_old_file_and_nothing_else() {
    let root = tempdir().unwrap();
    let made = |plan: LazyFrame| {
        let builder = AssetBuilder::new("t", ValueKind::Table).io_manager("parquet");
        let body = move |call: lakewright::Call| {
            let plan = plan.clone();
            async move { call.produce_frame(plan) }
        };
        lakehouse(&root, [builder.body(body).unwrap()]).build().unwrap()
    };
    let failing = || {
        let rows = (0..100_000i64).map(|n| if n == 99_999 { "x".to_owned() } else { n.to_string() }).collect::<Vec<_>>();
        df!("n" => rows).unwrap().lazy().select([col("n").strict_cast(DataType::Int64)])
    };
    run_to_failure(&made(failing()));
    assert_eq!(visible_files(root.path()), [""; 0], "nothing at all");
    run_all(&made(numbers().lazy()));
    let before = std::fs::read(root.path().join("parquet/t.parquet")).unwrap();
    let failure = run_to_failure(&made(failing()));
    assert!(failure.message.contains("conversion from `str` to `i64` failed"), "{failure:?}");
    assert!(failure.context.iter().any(|(name, value)| name == "location" && value.ends_with("parquet/t.parquet")));
    assert_eq!(std::fs::read(root.path().join("parquet/t.parquet")).unwrap(), before);
    assert_eq!(visible_files(root.path()), ["parquet/t.parquet"]);
}
