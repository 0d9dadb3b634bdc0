//! What goes wrong on the way to a bucket: nothing stored is harmed, and the error says where and whether trying again can help.

use std::net::TcpListener;

use lakewright::event::Failure;
use lakewright::exec::PartitionChoice;
use lakewright::io::storage::{AzureConfig, Storage, StorageConfig};
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ValueKind};
use tempfile::tempdir;

use super::clouds::{CLOUDS, Cloud, fresh_url, lakehouse, read};
use super::gate::{Does, Gate};
use crate::support::{abc, block_on, frame_asset, integers, key, run_all, run_to_failure, texts, version};

/// What a run that replaces a table says, with a bucket that is reached like this.
fn failure(storage: &Storage) -> Failure {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, storage, [frame_asset("t", version("new"))]).build().unwrap();
    run_to_failure(&lakehouse)
}

#[track_caller]
fn says(failure: &Failure, storage: &Storage, retryable: bool) {
    let all = format!("{failure:?}");
    assert_eq!(failure.retryable, retryable, "{all}");
    assert!(all.contains(&storage.to_string()), "the location: {all}");
    let context = |name: &str| failure.context.iter().any(|(known, _)| known == name);
    assert!(context("asset") && context("store"), "{all}");
    assert!(failure.help.is_some(), "{all}");
    for secret in ["our-secret", "our-key", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"] {
        assert!(!all.contains(secret), "{all}");
    }
}

#[test]
fn nobody_is_there() {
    for cloud in CLOUDS {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let storage = cloud.storage_at(&format!("http://{closed}"));
        let failure = failure(&storage);
        says(&failure, &storage, true);
        assert!(failure.message.contains("cannot be reached"), "{failure:?}");
    }
}

#[test]
fn the_keys_are_wrong() {
    for cloud in CLOUDS {
        let Some(at) = cloud.at() else { continue };
        let gate = Gate::new(&at, Does::Pass);
        let storage = cloud.storage_at(&gate.at);
        let root = tempdir().unwrap();
        run_all(&lakehouse(&root, &storage, [frame_asset("t", version("old"))]).build().unwrap());
        gate.now(Does::Answer(403));
        let failure = failure(&storage);
        says(&failure, &storage, false);
        assert!(failure.message.contains("access is denied"), "{failure:?}");
        gate.now(Does::Pass);
        assert_eq!(read(&storage, "public/t").height(), 3);
    }
}

#[test]
fn azure_itself_refuses_a_wrong_key() {
    let Some(at) = Cloud::Azure.at() else { return };
    let wrong = AzureConfig::new().emulator().endpoint(&at).access_key("d3Jvbmcga2V5");
    let config = StorageConfig::new().allow_http(true).azure(wrong);
    let storage = Storage::open(&fresh_url(Cloud::Azure), &config).unwrap();
    let failure = failure(&storage);
    says(&failure, &storage, false);
    assert!(failure.message.contains("access is denied") && !format!("{failure:?}").contains("d3Jvbmcga2V5"), "{failure:?}");
}

#[test]
fn the_bucket_does_not_exist() {
    for cloud in CLOUDS {
        let Some(at) = cloud.at() else { continue };
        let url = format!("{}://not-there/x", cloud.scheme());
        let storage = Storage::open(&url, &cloud.config(&at)).unwrap();
        let failure = failure(&storage);
        says(&failure, &storage, false);
        assert!(failure.message.contains("the bucket does not exist"), "{cloud:?}: {failure:?}");
    }
}

#[test]
fn the_object_store_is_overloaded() {
    for cloud in CLOUDS {
        let Some(at) = cloud.at() else { continue };
        let gate = Gate::new(&at, Does::Answer(503));
        let storage = cloud.storage_at(&gate.at);
        let failure = failure(&storage);
        says(&failure, &storage, true);
        assert!(failure.message.contains("503"), "{failure:?}");
    }
}

#[test]
fn the_connection_is_cut_in_the_middle_of_a_write() {
    for cloud in CLOUDS {
        let Some(at) = cloud.at() else { continue };
        let gate = Gate::new(&at, Does::Pass);
        let storage = cloud.storage_at(&gate.at);
        let root = tempdir().unwrap();
        run_all(&lakehouse(&root, &storage, [frame_asset("t", version("old"))]).build().unwrap());
        let before = storage.list("").unwrap();
        gate.now(Does::CutWrites);
        says(&failure(&storage), &storage, true);
        gate.now(Does::Pass);
        assert_eq!(storage.list("").unwrap(), before, "{cloud:?}: nothing came or went");
        assert_eq!(texts(&read(&storage, "public/t"), "a"), ["old"; 3]);
    }
}

#[test]
fn a_commit_whose_answer_was_lost_has_landed_once() {
    for cloud in CLOUDS {
        let Some(at) = cloud.at() else { continue };
        let gate = Gate::new(&at, Does::Pass);
        let storage = cloud.storage_at(&gate.at);
        let root = tempdir().unwrap();
        run_all(&lakehouse(&root, &storage, [frame_asset("t", version("old"))]).build().unwrap());
        gate.now(Does::CutAnswersOfCommits);
        run_all(&lakehouse(&root, &storage, [frame_asset("t", version("new"))]).build().unwrap());
        gate.now(Does::Pass);
        let seen = read(&storage, "public/t");
        assert_eq!(texts(&seen, "a"), ["new"; 3], "{cloud:?}");
        let log = storage
            .list("public/t/_delta_log")
            .unwrap()
            .into_iter()
            .filter(|entry| std::path::Path::new(&entry.path).extension().is_some_and(|end| end == "json"))
            .count();
        assert_eq!(log, 2, "{cloud:?}: one commit for each run");
    }
}

#[test]
fn a_commit_that_lands_after_the_run_has_given_up_finds_its_rows() {
    let Some(at) = Cloud::S3.at() else { return };
    let gate = Gate::new(&at, Does::Pass);
    let storage = Cloud::S3.storage_at(&gate.at);
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, &storage, [frame_asset("t", version("old"))]).build().unwrap());
    // Whether it landed cannot be asked either.
    gate.now(Does::KeepCommits);
    failure(&storage);
    gate.now(Does::Pass);
    assert_eq!(texts(&read(&storage, "public/t"), "a"), ["old"; 3]);
    gate.let_go();
    assert_eq!(texts(&read(&storage, "public/t"), "a"), ["new"; 3]);
}

#[test]
fn a_wipe_whose_answer_was_lost_has_landed_with_the_rows_that_stay() {
    let Some(at) = Cloud::S3.at() else { return };
    let gate = Gate::new(&at, Does::Pass);
    let storage = Cloud::S3.storage_at(&gate.at);
    let root = tempdir().unwrap();
    // One file with the rows of two days, as somebody may write it who knows nothing of days.
    let day = |n: i64| 1_672_531_200_000_000 + n * 86_400_000_000;
    let both = df!("at" => [day(0), day(0), day(1)], "n" => [1i64, 2, 3]).unwrap().lazy();
    let both = both.with_column(col("at").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap();
    run_all(&lakehouse(&root, &storage, [frame_asset("t", both)]).build().unwrap());
    let days = PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap());
    let sliced = AssetBuilder::new("t", ValueKind::Table).partitions(days).partition_expr("at");
    let sliced = sliced.body(|_| async { unreachable!("nothing is made") }).unwrap();
    let ours = lakehouse(&root, &storage, [sliced]).build().unwrap();
    gate.now(Does::CutAnswersOfCommits);
    block_on(ours.wipe(&key("t"), &PartitionChoice::none().key("2023-01-01"))).unwrap();
    gate.now(Does::Pass);
    assert_eq!(integers(&read(&storage, "public/t"), "n"), [3]);
    assert_eq!(block_on(ours.describe(&key("t"))).unwrap().version, Some(1), "one commit");
}

#[test]
fn a_read_that_fails_is_told_like_a_write() {
    let Some(at) = Cloud::S3.at() else { return };
    let gate = Gate::new(&at, Does::Pass);
    let storage = Cloud::S3.storage_at(&gate.at);
    let root = tempdir().unwrap();
    let ours = lakehouse(&root, &storage, [frame_asset("t", abc())]).build().unwrap();
    run_all(&ours);
    let plan: LazyFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    gate.now(Does::Answer(503));
    let error = lakewright::Error::from(plan.collect().unwrap_err());
    assert!(error.is_retryable() && error.message().contains("503"), "{error:?}");
    assert!(error.message().contains(&storage.to_string()), "{error:?}");
}
