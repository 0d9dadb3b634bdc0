//! Commits of several partitions: of those that are stored one after the other some may have landed, and of one table not all may have rows.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use lakewright::event::{EventKind, Materialization};
use lakewright::exec::{Interrupt, PartitionChoice};
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::file::ParquetIoManager;
use lakewright::io::fs::FsIoManager;
use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;
use lakewright::state::PartitionStatus;
use lakewright::testing::TestEnv;
use lakewright::{AssetBuilder, AssetSpec, Call, IoManager, Mode, Produced, RunOptions};
use tempfile::tempdir;

use super::deaf::{Deaf, Lands};
use super::{asset, lakehouse, log};
use crate::support::{Heard, block_on, integers, key, read_file, visible_files};

fn parts() -> PartitionsDef {
    PartitionsDef::fixed("Part", ["a", "b"]).unwrap()
}

/// The asset `t`, whose rows are the attempt that made them. The calls of its body are noted.
fn numbered(mode: Mode, calls: &Arc<Mutex<Vec<String>>>) -> AssetSpec {
    let noted = Arc::clone(calls);
    let body = move |call: Call| {
        let attempt = call.context().attempt();
        noted.lock().unwrap().push(format!("{} {attempt}", call.partition_key().unwrap()));
        async move { call.produce_frame(df!("n" => [i64::from(attempt)])?) }
    };
    AssetBuilder::new("t", ValueKind::Table).io_manager("deaf").partitions(parts()).mode(mode).body(body).unwrap()
}

/// What was recorded of the asset as made and as found.
fn told(heard: &Heard) -> (Vec<Arc<Materialization>>, Vec<Arc<Materialization>>) {
    let (mut made, mut found) = (Vec::new(), Vec::new());
    for kind in heard.kinds() {
        match kind {
            EventKind::Materialized { materialization, .. } => made.push(materialization),
            EventKind::Reconciled { materialization, .. } => found.push(materialization),
            _ => {}
        }
    }
    (made, found)
}

/// `a` landed at the first attempt, and everything else was made by the second.
#[track_caller]
fn is_made_up_for(root: &Path, heard: &Heard, calls: &Mutex<Vec<String>>) {
    let rows = |part: &str| integers(&read_file(&root.join(format!("t/{part}.parquet"))), "n");
    assert_eq!((rows("a"), rows("b")), (vec![1], vec![2]));
    assert_eq!(*calls.lock().unwrap(), ["a 1", "b 1", "b 2"], "what has landed is not made again");
    let (made, found) = told(heard);
    let [made] = &made[..] else { panic!("{made:#?}") };
    assert_eq!((made.slice.to_string().as_str(), made.rows, made.attempt), ("v1:[b]", Some(1), 2));
    assert!(!found.is_empty());
    for found in found {
        assert_eq!((found.slice.to_string().as_str(), found.rows, found.data_version.as_deref()), ("v1:[a]", None, None));
    }
    let skipped = |kind: &EventKind| matches!(kind, EventKind::OutputSkipped { .. });
    assert!(!heard.kinds().iter().any(skipped), "it is nobody else's");
}

#[test]
fn what_landed_of_a_commit_is_recorded_as_found_and_a_retry_makes_the_rest_in_every_mode() {
    for mode in [Mode::Overwrite, Mode::Error, Mode::Ignore] {
        let (root, heard, calls) = (tempdir().unwrap(), Heard::default(), Arc::default());
        let mut store = Deaf::once(ParquetIoManager::new(root.path()));
        store.lands = Lands::First;
        let builder = lakehouse(&log(), [numbered(mode, &calls)]).io_manager("deaf", store).retries(1);
        let built = heard.listen(builder.env(Arc::new(TestEnv::new()))).build().unwrap();
        let report = built.materialize_for_blocking("t", &PartitionChoice::all()).unwrap();
        assert!(report.is_success(), "{mode:?}: {:#?}", report.failures().collect::<Vec<_>>());
        is_made_up_for(root.path(), &heard, &calls);
        assert_eq!(visible_files(root.path()), ["t/a.parquet", "t/b.parquet"], "nothing is left of what was staged");
        let slices: Vec<String> = report.materializations().map(|stored| stored.slice.to_string()).collect();
        assert_eq!(slices, ["v1:[a]", "v1:[b]"], "{mode:?}");
    }
}

/// A run that is carried out while its store does not answer, and goes on when it does. What lands is only recorded then.
fn gone_on_with<S: IoManager>(spec: AssetSpec, mut store: Deaf<S>, lands: Lands, heard: &Heard) -> Lakehouse {
    store.lands = lands;
    *store.lost.get_mut() = 0;
    let away = Arc::clone(&store.away);
    away.store(true, Ordering::SeqCst);
    let builder = lakehouse(&log(), [spec]).io_manager("deaf", store).env(Arc::new(TestEnv::new()));
    let built = heard.listen(builder).build().unwrap();
    let plan = built.plan_for("t", &PartitionChoice::all()).unwrap();
    block_on(built.run_with(plan, RunOptions::new().id("mine"))).unwrap_err();
    assert!(told(heard).1.is_empty());
    away.store(false, Ordering::SeqCst);
    let resumed = block_on(built.resume("mine", Interrupt::new())).unwrap();
    assert!(resumed.is_success(), "{:#?}", resumed.failures().collect::<Vec<_>>());
    built
}

#[test]
fn a_run_that_goes_on_does_not_take_what_it_stored_itself_for_that_of_somebody_else() {
    for mode in [Mode::Overwrite, Mode::Error, Mode::Ignore] {
        let (root, heard, calls) = (tempdir().unwrap(), Heard::default(), Arc::default());
        let store = Deaf::once(ParquetIoManager::new(root.path()));
        let built = gone_on_with(numbered(mode, &calls), store, Lands::First, &heard);
        is_made_up_for(root.path(), &heard, &calls);
        assert_eq!(built.recorded_partitions(&key("t"), PartitionStatus::Materialized).unwrap().len(), 2, "{mode:?}");
    }
}

#[test]
fn a_partition_of_which_nothing_was_made_is_not_recorded_when_the_commit_is_found() {
    let (root, heard) = (tempdir().unwrap(), Heard::default());
    let body = |call: Call| async move {
        match call.partition_key()?.to_string().as_str() {
            "a" => call.produce_frame(df!("part" => ["a"], "n" => [1i64])?),
            _ => Ok(Produced::nothing()),
        }
    };
    let builder = AssetBuilder::new("t", ValueKind::Table).io_manager("deaf").partitions(parts()).partition_expr("part");
    let spec = builder.optional().body(body).unwrap();
    let built = gone_on_with(spec, Deaf::once(DeltaIoManager::new(root.path())), Lands::All, &heard);
    assert!(!told(&heard).1.is_empty(), "{:#?}", heard.kinds());
    let recorded = built.recorded_partitions(&key("t"), PartitionStatus::Materialized).unwrap();
    assert_eq!(recorded.keys().map(|key| key.to_string()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn several_files_of_one_commit_are_found_again() {
    let (root, heard) = (tempdir().unwrap(), Heard::default());
    let spec = asset("t").io_manager("deaf").partitions(parts()).body(|call| async move { call.produce_object(1) }).unwrap();
    gone_on_with(spec, Deaf::once(FsIoManager::new(root.path())), Lands::All, &heard);
    let (made, found) = told(&heard);
    assert!(made.is_empty(), "{made:#?}");
    assert!(found.iter().all(|found| found.slice.to_string() == "v1:[a,b]") && !found.is_empty(), "{found:#?}");
    assert_eq!(visible_files(root.path()), ["t/a.json", "t/b.json"]);
}
