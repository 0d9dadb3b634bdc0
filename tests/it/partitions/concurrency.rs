//! Several writers of one table at once: no row is lost, none doubled, and a commit that is tried again lands once.

use std::sync::{Arc, Barrier};

use lakewright::exec::{PartitionChoice, SystemEnv};
use lakewright::frame::Frame;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::{LoadRequest, RunInfo, Staged, StoreRequest};
use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, CommitId, ErrorKind, IoManager, Mode, Slice, Value};
use tempfile::{TempDir, tempdir};

use super::{Sliced, days, fixed, live_rows, numbered, rows};
use crate::support::{block_on, key, open_delta};

/// Runs that all have staged before the first commits.
#[track_caller]
fn at_once(def: &PartitionsDef, column: &'static str, slices: Vec<(String, DataFrame)>) {
    let root = tempdir().unwrap();
    let barrier = Arc::new(Barrier::new(slices.len()));
    let expected: Vec<DataFrame> = slices.iter().map(|(_, frame)| frame.clone()).collect();
    let runs = slices.into_iter().map(|(partition, frame)| {
        let asset = AssetBuilder::new("t", ValueKind::Table).partitions(def.clone()).partition_expr(column);
        let asset = asset.body(move |call| {
            let frame = frame.clone();
            async move { call.produce_frame(frame) }
        });
        let barrier = Arc::clone(&barrier);
        let lakehouse = crate::support::lakehouse(&root, [asset.unwrap()]).before_commit(move |_| {
            barrier.wait();
            Ok(())
        });
        let lakehouse = lakehouse.build().unwrap();
        std::thread::spawn(move || lakehouse.materialize_for_blocking("t", &PartitionChoice::none().key(partition)).unwrap())
    });
    for run in runs.collect::<Vec<_>>() {
        let report = run.join().unwrap();
        assert!(report.is_success(), "{:?}", report.failures().collect::<Vec<_>>());
    }
    let path = root.path().join("delta/public/t");
    assert_eq!(live_rows(&path), rows(&expected));
    assert_eq!(open_delta(&path).version(), Some(expected.len() as u64 - 1));
}

#[test]
fn first_writes_of_different_slices_all_land() {
    let keys: Vec<String> = (0..8).map(|n| format!("k{n}")).collect();
    let def = PartitionsDef::fixed("Keys", &keys).unwrap();
    at_once(&def, "k", keys.iter().map(|key| (key.clone(), numbered("k", key, &[1, 2, 3]))).collect());
    let at = |day: &str| {
        let frame = df!("at" => [day, day], "n" => [1i64, 2]).unwrap().lazy();
        let date = col("at").cast(DataType::Date).cast(DataType::Datetime(TimeUnit::Microseconds, None));
        (day.to_owned(), frame.with_column(date).collect().unwrap())
    };
    at_once(&days(), "at", ["2023-01-01", "2023-01-02", "2023-01-03", "2023-01-04"].map(at).into());
}

/// The store, driven by hand.
struct ByHand {
    store: DeltaIoManager,
    asset: AssetSpec,
    run: RunInfo,
    env: Arc<SystemEnv>,
    slice: Slice,
}

impl ByHand {
    fn new(root: &TempDir, partition: &str, mode: Mode) -> Self {
        let asset = AssetBuilder::new("t", ValueKind::Table).partitions(fixed(["red", "blue"])).partition_expr("color");
        let asset = asset.mode(mode).body(|_| async { unreachable!() }).unwrap();
        Self {
            store: DeltaIoManager::new(root.path().join("delta")),
            asset,
            run: RunInfo::new("by-hand", 1),
            env: Arc::new(SystemEnv::new()),
            slice: format!("v1:[{partition}]").parse().unwrap(),
        }
    }

    fn request(&self) -> StoreRequest<'_> {
        let env: Arc<dyn lakewright::env::Env> = self.env.clone();
        StoreRequest::new(&self.asset, &self.slice, &self.run, env)
    }

    async fn stage(&self, frame: DataFrame) -> Staged {
        self.store.stage(self.request(), Value::Table(frame.into_table())).await.unwrap().slice(self.slice.clone())
    }

    async fn commit(&self, staged: &Staged, log: &str, number: i64) -> lakewright::Result<lakewright::io::Committed> {
        let id = CommitId::new(log, &key("t"), &self.slice, number);
        self.store.commit(self.request(), vec![staged.clone()], &id).await
    }
}

fn red(n: i64) -> DataFrame {
    numbered("color", "red", &[n, n + 1, n + 2])
}

#[test]
fn a_commit_that_is_tried_again_adds_nothing() {
    for mode in [Mode::Append, Mode::Overwrite] {
        let root = tempdir().unwrap();
        let path = root.path().join("delta/public/t");
        block_on(async {
            let writer = ByHand::new(&root, "red", mode);
            let (one, two) = (writer.stage(red(1)).await, writer.stage(red(10)).await);
            assert!(!path.join("_delta_log").exists(), "what is staged is not visible");
            assert!(!writer.commit(&one, "log", 1).await.unwrap().already);
            assert!(writer.commit(&one, "log", 1).await.unwrap().already);
            writer.commit(&two, "log", 2).await.unwrap();
            assert!(writer.commit(&two, "log", 2).await.unwrap().already);
            assert_eq!(writer.commit(&one, "log", 1).await.unwrap_err().kind(), ErrorKind::Superseded);
            writer.store.discard(writer.request(), vec![two]).await.unwrap();
        });
        let expected = if mode == Mode::Append { vec![red(1), red(10)] } else { vec![red(10)] };
        assert_eq!((live_rows(&path), open_delta(&path).version()), (rows(&expected), Some(1)), "{mode:?}");
    }
}

#[test]
fn of_the_same_slice_at_once_one_stays_and_no_mix() {
    let root = tempdir().unwrap();
    let path = root.path().join("delta/public/t");
    block_on(async {
        let other = ByHand::new(&root, "blue", Mode::Overwrite);
        let blue = other.stage(numbered("color", "blue", &[7])).await;
        let writers: Vec<_> = (0..6).map(|_| Arc::new(ByHand::new(&root, "red", Mode::Overwrite))).collect();
        let mut commits = Vec::new();
        for (number, writer) in writers.iter().enumerate() {
            let staged = writer.stage(red(100 * i64::try_from(number).unwrap())).await;
            let writer = Arc::clone(writer);
            commits.push(tokio::spawn(async move { writer.commit(&staged, &format!("log-{number}"), 1).await.unwrap().version }));
        }
        other.commit(&blue, "log", 1).await.unwrap();
        let mut versions: Vec<_> = futures::future::join_all(commits).await.into_iter().map(|done| done.unwrap()).collect();
        versions.sort_unstable();
        versions.dedup();
        assert_eq!(versions.len(), 6, "each commit is a version of its own");
    });
    let live = live_rows(&path);
    let blue = numbered("color", "blue", &[7]);
    assert!((0..6).any(|number| live == rows([&red(100 * number), &blue])), "{live:?}");
}

#[test]
fn what_a_killed_run_has_staged_is_never_seen() {
    let table = Sliced::new(fixed(["red", "blue"]), |asset| asset.partition_expr("color"));
    table.write("red", red(1));
    let root = tempdir().unwrap();
    block_on(async {
        // Neither committed nor discarded, in a table that is there and in one that is not.
        let mut writer = ByHand::new(&root, "red", Mode::Overwrite);
        writer.stage(red(10)).await;
        writer.store = DeltaIoManager::new(table.root().join("delta"));
        writer.stage(red(10)).await;
    });
    assert_eq!(table.live(), rows([&red(1)]));
    assert_eq!(rows([&table.read("red").unwrap()]), rows([&red(1)]));
    block_on(async {
        let writer = ByHand::new(&root, "red", Mode::Overwrite);
        let staged = writer.stage(red(20)).await;
        writer.commit(&staged, "log", 1).await.unwrap();
    });
    assert_eq!(live_rows(&root.path().join("delta/public/t")), rows([&red(20)]));
}

#[test]
fn checkpoints_are_in_the_folder_of_the_table_and_are_enough_to_read_it() {
    let root = tempdir().unwrap();
    let root_of_store = root.path().join("50%20 of it");
    let log = root_of_store.join("public/t/_delta_log");
    block_on(async {
        let mut writer = ByHand::new(&root, "red", Mode::Append);
        writer.store = DeltaIoManager::new(&root_of_store);
        for number in 1..=7 {
            let staged = writer.stage(numbered("color", "red", &[number])).await;
            writer.commit(&staged, "log", number).await.unwrap();
            if number == 1 {
                let first = log.join("00000000000000000000.json");
                let often = "\"configuration\":{\"delta.checkpointInterval\":\"5\"}";
                let written = std::fs::read_to_string(&first).unwrap();
                std::fs::write(&first, written.replacen("\"configuration\":{}", often, 1)).unwrap();
            }
        }
        let mut checkpoints = crate::support::files_below(&log);
        checkpoints.retain(|file| file.extension().is_some_and(|extension| extension == "parquet"));
        assert_eq!(checkpoints.len(), 1, "{:?}", crate::support::files_below(&log));
        assert!(log.join("_last_checkpoint").exists());
        // Without the commits that the checkpoint stands for.
        for version in 0..4 {
            std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
        }
        let env: Arc<dyn lakewright::env::Env> = writer.env.clone();
        let described = writer.store.describe(LoadRequest::new(&writer.asset, &Slice::Whole, env)).await.unwrap();
        assert_eq!((described.rows, described.version), (Some(7), Some(6)));
        let again = writer.stage(numbered("color", "red", &[7])).await;
        assert!(writer.commit(&again, "log", 7).await.unwrap().already);
        assert_eq!(writer.commit(&again, "log", 3).await.unwrap_err().kind(), ErrorKind::Superseded);
    });
}
