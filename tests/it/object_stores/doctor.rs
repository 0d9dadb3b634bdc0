//! What the doctor finds.

use lakewright::io::storage::Storage;
use lakewright::prelude::*;
use tempfile::tempdir;

use super::clouds::{CLOUDS, Cloud, lakehouse};
use super::gate::{Does, Gate};
use crate::support::{abc, block_on, frame_asset};

/// The checks of the store, each with whether it is well.
fn checks(storage: &Storage) -> Vec<(&'static str, bool, String)> {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, storage, [frame_asset("t", abc())]).build().unwrap();
    let probes = block_on(lakehouse.probes());
    let (_, probe) = probes.into_iter().find(|(key, _)| key == "delta").unwrap();
    let told = |outcome: Result<String, lakewright::Error>| {
        outcome.map_or_else(|error| (false, format!("{error:?}")), |found| (true, found))
    };
    probe.checks.into_iter().map(|check| (check.name, told(check.outcome))).map(|(name, (ok, text))| (name, ok, text)).collect()
}

#[test]
fn a_bucket_that_is_well_passes_and_is_left_as_it_was() {
    for storage in CLOUDS.into_iter().filter_map(Cloud::storage) {
        let found = checks(&storage);
        assert_eq!(
            found.iter().map(|(name, ..)| *name).collect::<Vec<_>>(),
            ["reach", "list", "write", "put-if-absent", "delete"]
        );
        assert!(found.iter().all(|(_, ok, _)| *ok), "{found:?}");
        assert!(storage.list("").unwrap().is_empty(), "{storage}");
    }
}

#[test]
fn a_store_that_ignores_the_condition_is_found() {
    let Some(at) = Cloud::S3.at() else { return };
    let gate = Gate::new(&at, Does::ForgetConditions);
    let found = checks(&Cloud::S3.storage_at(&gate.at));
    let failed: Vec<_> = found.iter().filter(|(_, ok, _)| !ok).collect();
    let [("put-if-absent", false, why)] = failed[..] else { panic!("{found:?}") };
    assert!(why.contains("two writers") && why.contains("dynamodb") && why.contains("store `delta`"), "{why}");
}

#[test]
fn a_bucket_that_is_not_there_or_not_ours_fails() {
    for cloud in CLOUDS {
        let Some(at) = cloud.at() else { continue };
        let missing = Storage::open(&format!("{}://not-there", cloud.scheme()), &cloud.config(&at)).unwrap();
        assert!(checks(&missing).iter().any(|(_, ok, why)| !ok && why.contains("the bucket does not exist")), "{cloud:?}");
        let gate = Gate::new(&at, Does::Answer(403));
        assert!(
            checks(&cloud.storage_at(&gate.at)).iter().any(|(_, ok, why)| !ok && why.contains("access is denied")),
            "{cloud:?}"
        );
    }
}
