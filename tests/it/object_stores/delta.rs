//! Delta tables in buckets: C08, and many writers at once.

use std::sync::{Arc, Barrier};

use lakewright::exec::PartitionChoice;
use lakewright::frame::Frame;
use lakewright::io::storage::Storage;
use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Mode, Value, ValueKind};
use tempfile::tempdir;

use super::clouds::{CLOUDS, Cloud, lakehouse, read};
use super::gate::{Does, Gate};
use crate::support::{abc, block_on, frame_asset, frame_builder, integers, key, run_all, texts, version};

fn colors(frame: DataFrame, keys: &[&str]) -> AssetSpec {
    let def = PartitionsDef::fixed("Color", keys).unwrap();
    let asset = AssetBuilder::new("t", ValueKind::Table).partitions(def).partition_expr("color");
    let body = move |call: lakewright::Call| {
        let frame = frame.clone();
        async move { call.produce_frame(frame) }
    };
    asset.body(body).unwrap()
}

fn rows(color: &str, numbers: &[i64]) -> DataFrame {
    df!("color" => vec![color; numbers.len()], "n" => numbers).unwrap()
}

#[track_caller]
fn write(storage: &Storage, keys: &[&str], color: &str, numbers: &[i64]) {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, storage, [colors(rows(color, numbers), keys)]).build().unwrap();
    let report = lakehouse.materialize_for_blocking("t", &PartitionChoice::none().key(color)).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
}

#[test]
fn c08_a_table_is_written_read_listed_and_replaced() {
    for storage in CLOUDS.into_iter().filter_map(Cloud::storage) {
        let root = tempdir().unwrap();
        let ours = lakehouse(&root, &storage, [frame_asset("my/t", abc())]).build().unwrap();
        for _ in 0..2 {
            let report = run_all(&ours);
            let stored = report.materializations().next().unwrap();
            assert_eq!(stored.location.as_str(), format!("{storage}/my/t"));
            assert_eq!(integers(&read(&storage, "my/t"), "a"), [1, 2, 3]);
        }
        assert_eq!(block_on(ours.describe(&key("my/t"))).unwrap().version, Some(1));
        let frame: DataFrame = block_on(ours.load_frame(&key("my/t"))).unwrap();
        assert!(frame.equals(&abc()), "{storage}: {frame}");

        let more = frame_builder("my/t", abc(), |asset| asset.mode(Mode::Append));
        run_all(&lakehouse(&root, &storage, [more]).build().unwrap());
        assert_eq!(read(&storage, "my/t").height(), 6, "{storage}");
        let left: Vec<String> = storage.list("my/t").unwrap().into_iter().map(|entry| entry.path).collect();
        assert!(left.iter().all(|path| path.ends_with(".parquet") || path.contains("_delta_log/0")), "{left:?}");
    }
}

#[test]
fn a_slice_is_replaced_alone_whatever_its_key() {
    let keys = ["red", "a b%2F/ä=?", "empty"];
    for storage in CLOUDS.into_iter().filter_map(Cloud::storage) {
        write(&storage, &keys, "red", &[1, 2, 3]);
        write(&storage, &keys, "a b%2F/ä=?", &[4]);
        write(&storage, &keys, "empty", &[]);
        write(&storage, &keys, "red", &[5]);
        let seen = read(&storage, "public/t").lazy().sort(["n"], SortMultipleOptions::default()).collect().unwrap();
        assert_eq!(
            (integers(&seen, "n"), texts(&seen, "color")),
            (vec![4, 5], vec!["a b%2F/ä=?".into(), "red".into()]),
            "{storage}"
        );

        let root = tempdir().unwrap();
        let ours = lakehouse(&root, &storage, [colors(rows("red", &[]), &keys)]).build().unwrap();
        let frame: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
        assert_eq!(frame.height(), 2, "{storage}");
        let stored = block_on(ours.stored_partitions(&key("t"))).unwrap();
        assert_eq!(stored.len(), 3, "an empty slice is there: {storage}");
    }
}

/// Lakehouses that all have staged before the first commits.
fn at_once(storage: &Storage, keys: &[&str]) {
    let barrier = Arc::new(Barrier::new(keys.len()));
    let report = |n: usize| {
        let root = tempdir().unwrap();
        let number = i64::try_from(n).unwrap();
        let barrier = Arc::clone(&barrier);
        let lakehouse = lakehouse(&root, storage, [colors(rows(keys[n], &[number, number]), keys)]).before_commit(move |_| {
            barrier.wait();
            Ok(())
        });
        let report = lakehouse.build().unwrap().materialize_for_blocking("t", &PartitionChoice::none().key(keys[n])).unwrap();
        assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    };
    std::thread::scope(|scope| {
        for n in 0..keys.len() {
            scope.spawn(move || report(n));
        }
    });
    let seen = read(storage, "public/t").lazy().sort(["n"], SortMultipleOptions::default()).collect().unwrap();
    let expected: Vec<i64> = (0..keys.len()).flat_map(|n| [i64::try_from(n).unwrap(); 2]).collect();
    assert_eq!(integers(&seen, "n"), expected);
    let commits = storage
        .list("public/t/_delta_log")
        .unwrap()
        .into_iter()
        .filter(|entry| std::path::Path::new(&entry.path).extension().is_some_and(|end| end == "json"))
        .count();
    assert_eq!(commits, keys.len(), "one commit each");
}

#[test]
fn two_who_create_a_table_at_once_both_land() {
    for storage in CLOUDS.into_iter().filter_map(Cloud::storage) {
        at_once(&storage, &["one", "other"]);
    }
}

#[test]
fn eight_writers_of_slices_all_land() {
    let Some(storage) = Cloud::S3.storage() else { return };
    at_once(&storage, &["a", "b", "c", "d", "e", "f", "g", "h"]);
}

#[test]
fn a_slice_and_a_column_are_read_lazily_and_without_the_bytes_of_others() {
    for cloud in CLOUDS {
        let Some(at) = cloud.at() else { continue };
        let gate = Gate::new(&at, Does::Pass);
        let storage = cloud.storage_at(&gate.at);
        let noise: Vec<i64> = (0..200_000i64).map(|n| n.wrapping_mul(6_364_136_223_846_793_005)).collect();
        write(&storage, &["large", "small"], "large", &noise);
        write(&storage, &["large", "small"], "small", &[1, 2]);
        let root = tempdir().unwrap();
        let wide = df!("noise" => &noise, "flag" => vec![true; noise.len()]).unwrap();
        let wide = lakehouse(&root, &storage, [frame_asset("wide", wide)]).build().unwrap();
        run_all(&wide);
        let whole: u64 = storage.list("").unwrap().iter().map(|entry| entry.bytes).sum();
        assert!(whole > 2_000_000, "{whole}");

        let ours = lakehouse(&root, &storage, [colors(rows("small", &[]), &["large", "small"])]).build().unwrap();
        let before = gate.bytes_down();
        let slice = block_on(ours.load_partition(&key("t"), "small")).unwrap();
        let Some(Value::Table(slice)) = slice else { panic!("the slice is there") };
        assert_eq!(integers(&DataFrame::from_table(slice).unwrap(), "n"), [1, 2]);
        let plan: LazyFrame = block_on(wide.load_frame(&key("wide"))).unwrap();
        let flags = plan.select([col("flag").sum()]).collect().unwrap();
        assert_eq!(flags.columns()[0].get(0).unwrap().extract::<u64>(), Some(200_000));
        assert!(gate.bytes_down() - before < 300_000, "{cloud:?} read {}", gate.bytes_down() - before);
        let ranges = |head: &String| head.starts_with("GET") && head.to_ascii_lowercase().contains("range: bytes=");
        assert!(gate.heads().iter().any(ranges), "{cloud:?} was asked for ranges");
    }
}

#[test]
fn a_table_in_one_bucket_is_made_of_one_in_another() {
    let (Some(from), Some(to)) = (Cloud::S3.storage(), Cloud::Azure.storage()) else { return };
    let root = tempdir().unwrap();
    let plus_one = AssetBuilder::new("plus_one", ValueKind::Table).io_manager("other").input("t").body(|call| {
        call.blocking(|mut call| {
            let frame: LazyFrame = call.frame("t")?;
            call.produce_frame(frame.select([col("n") + lit(1)]))
        })
    });
    let assets = [frame_asset("t", version("x")), plus_one.unwrap()];
    let other = lakewright::io::delta::DeltaIoManager::at(to.clone());
    run_all(&lakehouse(&root, &from, assets).io_manager("other", other).build().unwrap());
    assert_eq!(integers(&read(&to, "public/plus_one"), "n"), [2, 3, 4]);
}
