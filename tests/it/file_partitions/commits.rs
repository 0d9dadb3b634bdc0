//! What lies between the stage and the rename of several partitions: crashes, rivals and older commits.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lakewright::asset::Mode;
use lakewright::env::Env;
use lakewright::exec::SystemEnv;
use lakewright::frame::Frame;
use lakewright::io::file::{CsvIoManager, IpcIoManager, JsonIoManager, ParquetIoManager};
use lakewright::io::memory::MemoryIoManager;
use lakewright::io::{CommitState, Committed, LoadRequest, RunInfo, Staged, StoreRequest};
use lakewright::partition::{KeySpace, PartitionDefinition, PartitionKey};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, CommitId, ErrorKind, IoManager, Slice, Value};
use tempfile::tempdir;

use super::{Color, rows};
use crate::support::{block_on, files_below, read_file, visible_files};

/// A store driven by hand, partition by partition.
struct ByHand<'s> {
    store: &'s dyn IoManager,
    asset: AssetSpec,
    space: KeySpace,
    run: RunInfo,
    env: Arc<dyn Env>,
}

impl<'s> ByHand<'s> {
    fn new(store: &'s dyn IoManager) -> Self {
        let builder = AssetBuilder::new("t", ValueKind::Table).partitions(Color::def().unwrap()).partition_expr("color");
        let asset = builder.body(|_| async { Ok(lakewright::Produced::nothing()) }).unwrap();
        let env: Arc<dyn Env> = Arc::new(SystemEnv::new());
        let space = Color::def().unwrap().space(env.now(), &BTreeMap::new()).unwrap();
        Self { store, asset, space, run: RunInfo::new("by-hand", 1), env }
    }

    fn slice(&self, colors: &[&str]) -> Slice {
        let keys: Vec<PartitionKey> = colors.iter().map(|color| PartitionKey::new(color).unwrap()).collect();
        self.space.set(&keys).unwrap().slice()
    }

    async fn stage(&self, colors: &[&str], version: i64) -> Vec<Staged> {
        let mut staged = Vec::new();
        for color in colors {
            let slice = self.slice(&[color]);
            let request = StoreRequest::new(&self.asset, &slice, &self.run, Arc::clone(&self.env));
            let value = Value::Table(rows(color, version).into_table());
            staged.push(self.store.stage(request, value).await.unwrap().slice(slice.clone()));
        }
        staged
    }

    fn id(&self, colors: &[&str], number: i64) -> CommitId {
        CommitId::new("log", &self.asset.key, &self.slice(colors), number)
    }

    async fn commit(&self, colors: &[&str], staged: &[Staged], number: i64, mode: Mode) -> Result<Committed> {
        let slice = self.slice(colors);
        let request = StoreRequest::new(&self.asset, &slice, &self.run, Arc::clone(&self.env)).mode(mode);
        self.store.commit(request, staged.to_vec(), &self.id(colors, number)).await
    }

    async fn state(&self, color: &str, number: i64) -> CommitState {
        let slice = self.slice(&[color]);
        let request = StoreRequest::new(&self.asset, &slice, &self.run, Arc::clone(&self.env));
        self.store.committed(request, &[self.id(&[color], number)]).await.unwrap()[0]
    }

    async fn load(&self, color: &str) -> Option<DataFrame> {
        let slice = self.slice(&[color]);
        let request = LoadRequest::new(&self.asset, &slice, Arc::clone(&self.env));
        match self.store.load(request).await.unwrap()? {
            Value::Table(table) => {
                Some(lakewright::env::blocking(&self.env, move || DataFrame::from_table(table)).await.unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What a file says of the version of its rows.
fn version_in(file: &Path) -> i64 {
    read_file(file).column("v").unwrap().i64().unwrap().get(0).unwrap()
}

#[test]
fn every_partition_has_a_manifest_and_a_superseded_commit_is_refused() {
    let root = tempdir().unwrap();
    let stores: [(&str, Box<dyn IoManager>); 5] = [
        ("parquet", Box::new(ParquetIoManager::new(root.path().join("parquet")))),
        ("csv", Box::new(CsvIoManager::new(root.path().join("csv")))),
        ("json", Box::new(JsonIoManager::new(root.path().join("json")))),
        ("ipc", Box::new(IpcIoManager::new(root.path().join("ipc")))),
        ("memory", Box::new(MemoryIoManager::new())),
    ];
    for (name, store) in &stores {
        block_on(async {
            let by_hand = ByHand::new(store.as_ref());
            let (old, new) = (by_hand.stage(&["red"], 1).await, by_hand.stage(&["red"], 2).await);
            let other = by_hand.stage(&["blue"], 1).await;
            by_hand.commit(&["red"], &new, 2, Mode::Overwrite).await.unwrap();
            assert_eq!(by_hand.commit(&["red"], &old, 1, Mode::Overwrite).await.unwrap_err().kind(), ErrorKind::Superseded);
            assert!(by_hand.commit(&["red"], &new, 2, Mode::Overwrite).await.unwrap().already, "{name}");
            assert!(!by_hand.commit(&["blue"], &other, 1, Mode::Overwrite).await.unwrap().already, "another partition");
            assert_eq!(by_hand.state("red", 2).await, CommitState::Committed);
            assert_eq!(by_hand.state("red", 1).await, CommitState::Superseded);
            assert_eq!(by_hand.state("green", 1).await, CommitState::Absent);
            assert!(by_hand.load("red").await.unwrap().equals_missing(&rows("red", 2)));
        });
    }
    let manifests = files_below(&root.path().join("parquet/.lakewright/t"));
    let manifests: Vec<_> = manifests.iter().filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    assert_eq!(manifests, [Path::new("blue.json"), Path::new("red.json")]);
}

#[test]
fn a_crash_between_two_renames_is_finished_by_the_same_commit() {
    let root = tempdir().unwrap();
    let store = ParquetIoManager::new(root.path());
    block_on(async {
        let by_hand = ByHand::new(&store);
        let both = ["red", "blue"];
        let old = by_hand.stage(&both, 1).await;
        by_hand.commit(&both, &old, 1, Mode::Overwrite).await.unwrap();
        let staged = by_hand.stage(&both, 2).await;
        // Only the first piece, as if the process had died right after its rename.
        by_hand.commit(&both, &staged[..1], 2, Mode::Overwrite).await.unwrap();
        let manifests = root.path().join(".lakewright/t");
        std::fs::rename(manifests.join("red.json"), manifests.join("red.json.pending")).unwrap();
        assert_eq!(version_in(&root.path().join("t/blue.parquet")), 1);
        let again = by_hand.commit(&both, &staged, 2, Mode::Overwrite).await.unwrap();
        assert!(!again.already, "one of the two was left to do");
        assert!(by_hand.commit(&both, &staged, 2, Mode::Overwrite).await.unwrap().already);
        for color in both {
            assert_eq!(version_in(&root.path().join(format!("t/{color}.parquet"))), 2);
        }
    });
    assert_eq!(visible_files(root.path()), ["t/blue.parquet", "t/red.parquet"]);
}

#[test]
fn what_is_staged_for_a_commit_that_has_landed_is_not_left_behind() {
    let root = tempdir().unwrap();
    let store = ParquetIoManager::new(root.path());
    block_on(async {
        let by_hand = ByHand::new(&store);
        let first = by_hand.stage(&["red"], 1).await;
        by_hand.commit(&["red"], &first, 1, Mode::Overwrite).await.unwrap();
        let again = by_hand.stage(&["red"], 2).await;
        assert!(by_hand.commit(&["red"], &again, 1, Mode::Overwrite).await.unwrap().already);
    });
    assert_eq!(visible_files(root.path()), ["t/red.parquet"]);
    assert_eq!(version_in(&root.path().join("t/red.parquet")), 1);
}

#[test]
fn error_refuses_all_also_if_somebody_was_faster() {
    let root = tempdir().unwrap();
    let (parquet, memory) = (ParquetIoManager::new(root.path()), MemoryIoManager::new());
    for store in [&parquet as &dyn IoManager, &memory] {
        block_on(async {
            let by_hand = ByHand::new(store);
            let all = ["red", "blue", "green"];
            let ours = by_hand.stage(&all, 1).await;
            let theirs = by_hand.stage(&["green"], 2).await;
            by_hand.commit(&["green"], &theirs, 1, Mode::Error).await.unwrap();
            let error = by_hand.commit(&all, &ours, 1, Mode::Error).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Present);
            assert!(by_hand.load("red").await.is_none() && by_hand.load("blue").await.is_none(), "none of ours");
            assert!(by_hand.load("green").await.unwrap().equals_missing(&rows("green", 2)));

            let ignored = by_hand.commit(&all, &ours, 1, Mode::Ignore).await.unwrap().ignored;
            assert_eq!(ignored, Some(by_hand.slice(&["green"])));
            assert!(by_hand.load("red").await.unwrap().equals_missing(&rows("red", 1)));
            assert!(by_hand.load("green").await.unwrap().equals_missing(&rows("green", 2)));
        });
    }
    assert_eq!(visible_files(root.path()), ["t/blue.parquet", "t/green.parquet", "t/red.parquet"]);
}

#[test]
fn a_file_that_was_staged_and_is_gone_is_no_commit() {
    let root = tempdir().unwrap();
    let store = ParquetIoManager::new(root.path());
    block_on(async {
        let by_hand = ByHand::new(&store);
        let old = by_hand.stage(&["red"], 1).await;
        by_hand.commit(&["red"], &old, 1, Mode::Overwrite).await.unwrap();
        let new = by_hand.stage(&["red"], 2).await;
        let slice = by_hand.slice(&["red"]);
        let request = StoreRequest::new(&by_hand.asset, &slice, &by_hand.run, Arc::clone(&by_hand.env));
        store.discard(request, new.clone()).await.unwrap();
        let error = by_hand.commit(&["red"], &new, 2, Mode::Overwrite).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(version_in(&root.path().join("t/red.parquet")), 1);
        assert_eq!(by_hand.state("red", 1).await, CommitState::Committed);
    });
}

#[test]
fn writers_of_different_partitions_do_not_meet() {
    let root = tempdir().unwrap();
    let store: Arc<dyn IoManager> = Arc::new(CsvIoManager::new(root.path()));
    block_on(async {
        let writers = (0..4).flat_map(|round| ["red", "blue", "green"].map(|color| (round, color)));
        let writers = writers.map(|(round, color)| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let by_hand = ByHand::new(store.as_ref());
                let staged = by_hand.stage(&[color], round).await;
                // The same partition at once: one of the numbers is the last, and none before it comes after it.
                match by_hand.commit(&[color], &staged, round, Mode::Overwrite).await {
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Superseded),
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
    for color in ["red", "blue", "green"] {
        let frame = read_file(&root.path().join(format!("t/{color}.csv")));
        assert!(frame.equals_missing(&rows(color, 3)), "{frame}");
    }
}
