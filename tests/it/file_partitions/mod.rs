//! Partitioned assets in stores that keep each partition in a file of its own, and in memory.

mod commits;
mod loading;
mod modes;
mod paths;
mod values;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lakewright::exec::{PartitionChoice, RunReport};
use lakewright::partition::PartitionDefinition;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Value};

use crate::support::{block_on, key};

#[partitions(keys = ["red", "blue", "green"])]
struct Color;

/// What makes versions of an asset: which one a run makes is set from outside.
#[derive(Clone, Default)]
struct Version(Arc<AtomicI64>);

impl Version {
    fn set(&self, version: i64) {
        self.0.store(version, Ordering::SeqCst);
    }

    fn get(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Three rows of a partition, as a version of its asset has them.
fn rows(color: &str, version: i64) -> DataFrame {
    df!("color" => [color; 3], "v" => [version; 3], "n" => [1i64, 2, 3]).unwrap()
}

/// The asset `t`, which makes [`rows`] of each color.
#[track_caller]
fn colors(store: &str, version: &Version, with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> AssetSpec {
    let version = version.clone();
    let builder = AssetBuilder::new("t", ValueKind::Table).io_manager(store).partitions(Color::def().unwrap());
    let body = move |call: lakewright::Call| {
        let version = version.get();
        async move { call.produce_frame(rows(&call.partition_key()?.to_string(), version)) }
    };
    with(builder).body(body).unwrap()
}

fn of(keys: &[&str]) -> PartitionChoice {
    keys.iter().fold(PartitionChoice::none(), |choice, key| choice.key(*key))
}

fn run(lakehouse: &Lakehouse, keys: &[&str]) -> RunReport {
    lakehouse.materialize_for_blocking("t", &of(keys)).unwrap()
}

#[track_caller]
fn succeed(lakehouse: &Lakehouse, keys: &[&str]) -> RunReport {
    let report = run(lakehouse, keys);
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    report
}

#[track_caller]
fn fail(lakehouse: &Lakehouse, keys: &[&str]) -> lakewright::event::Failure {
    let report = run(lakehouse, keys);
    report.failures().next().expect("the step fails").1.clone()
}

/// One partition as the lakehouse reads it.
fn load(lakehouse: &Lakehouse, partition: &str) -> Option<DataFrame> {
    use lakewright::frame::Frame;
    match block_on(lakehouse.load_partition(&key("t"), partition)).unwrap()? {
        Value::Table(table) => Some(DataFrame::from_table(table).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// The bytes of every visible file, to see that nothing has changed.
fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>)> {
    crate::support::visible_files(folder)
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(folder.join(&path)).unwrap();
            (path, bytes)
        })
        .collect()
}
