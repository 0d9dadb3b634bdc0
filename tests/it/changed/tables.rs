//! Tables: those of somebody else's are known by their version, and ours by what they were made from.

use lakewright::exec::{PartitionChoice, StepReason};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec};
use tempfile::tempdir;

use super::{Input, run_changed, why};
use crate::support::{abc, frame_asset, key, lakehouse};

fn copy(name: &str, of: &'static str) -> AssetSpec {
    let copy = AssetBuilder::new(name, ValueKind::Table).code_version("1").input(Input::of(of));
    let body = move |mut call: lakewright::Call| async move {
        let frame: LazyFrame = call.frame(of)?;
        call.produce_frame(frame)
    };
    copy.body(body).unwrap()
}

#[test]
fn a_delta_table_of_somebody_else_is_known_by_its_version() {
    let (root, none) = (tempdir().unwrap(), PartitionChoice::none());
    let writer = lakehouse(&root, [frame_asset("theirs", abc())]).build().unwrap();
    assert!(writer.materialize_blocking("*").unwrap().is_success());
    let external = AssetBuilder::new("theirs", ValueKind::Table).external().unwrap();
    let reader = lakehouse(&root, [external, copy("ours", "theirs"), copy("report", "ours")]).build().unwrap();
    assert!(run_changed(&reader, &none).is_success());
    assert_eq!(why(&reader, &none), [vec![], vec![]]);
    assert!(writer.materialize_blocking("*").unwrap().is_success());
    let reasons = why(&reader, &none);
    let expected = StepReason::InputChanged { asset: key("theirs"), was: Some("version 0".into()), is: Some("1".into()) };
    assert_eq!(reasons[0], [expected]);
    let report = run_changed(&reader, &none);
    assert!(report.is_success());
    assert_eq!(report.materializations().count(), 2);
    assert_eq!(why(&reader, &none), [vec![], vec![]]);
}

#[test]
fn a_table_that_is_made_again_from_the_same_is_the_same() {
    let (root, none) = (tempdir().unwrap(), PartitionChoice::none());
    let assets = || [frame_asset("raw", abc()), copy("clean", "raw"), copy("report", "clean")];
    let built = lakehouse(&root, assets()).build().unwrap();
    assert!(run_changed(&built, &none).is_success());
    // From the same rows by the same code, so what is made from it is not made again although the table has a new version.
    assert!(built.materialize_blocking("clean").unwrap().is_success());
    assert_eq!(why(&built, &none), [vec![], vec![], vec![]]);
    // Nobody knows what a body without inputs reads, so each of its commits is something new.
    assert!(built.materialize_blocking("raw").unwrap().is_success());
    let reasons = why(&built, &none);
    assert_eq!(reasons[1][0].to_string(), "input `raw` at version 0 → 1");
    assert_eq!(reasons[2], [StepReason::UpstreamRuns { asset: key("clean") }]);
}
