//! What readers of partitions get: those that are there, in order, and never fewer without a word.

use lakewright::asset::Input;
use lakewright::event::EventKind;
use lakewright::partition::{Mapping, PartitionDefinition};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind};
use tempfile::tempdir;

use super::{Color, Version, colors, of, succeed};
use crate::support::{Heard, block_on, integers, key, lakehouse, texts};

const STORES: [&str; 5] = ["parquet", "csv", "json", "ipc", "memory"];

/// An asset without partitions that says which colors it was handed, in which order.
fn seen(input: Input) -> lakewright::AssetSpec {
    let builder = AssetBuilder::new("seen", ValueKind::Table).io_manager("memory").input(input.named("t"));
    let body = |call: lakewright::Call| async move {
        call.blocking(|mut call| {
            let frame: DataFrame = call.frame("t")?;
            call.produce_frame(frame)
        })
        .await
    };
    builder.body(body).unwrap()
}

#[test]
fn all_partitions_are_one_frame_in_the_order_of_keys() {
    for store in STORES {
        let root = tempdir().unwrap();
        let version = Version::default();
        let assets = [colors(store, &version, |asset| asset), seen(Input::of("t"))];
        let lakehouse = lakehouse(&root, assets).build().unwrap();
        // The order of keys is that of the definition: red, blue, green.
        succeed(&lakehouse, &["green"]);
        succeed(&lakehouse, &["red"]);
        assert!(lakehouse.materialize_blocking("seen").unwrap().is_success());
        let frame: DataFrame = block_on(lakehouse.load_frame(&key("seen"))).unwrap();
        assert_eq!(texts(&frame, "color"), ["red", "red", "red", "green", "green", "green"], "{store}");
        assert_eq!(integers(&frame, "n"), [1, 2, 3, 1, 2, 3], "{store}: the order inside of a partition is kept");
    }
}

#[test]
fn only_the_columns_asked_for_are_read() {
    for store in STORES {
        let root = tempdir().unwrap();
        let assets = [colors(store, &Version::default(), |asset| asset), seen(Input::of("t").columns(["n"]))];
        let lakehouse = lakehouse(&root, assets).build().unwrap();
        succeed(&lakehouse, &["red", "blue"]);
        assert!(lakehouse.materialize_blocking("seen").unwrap().is_success());
        let frame: DataFrame = block_on(lakehouse.load_frame(&key("seen"))).unwrap();
        assert_eq!((frame.width(), frame.height()), (1, 6), "{store}");
    }
}

#[test]
fn a_missing_partition_is_an_error_that_names_it_unless_it_may_be_missing() {
    for store in STORES {
        let some = || Mapping::Keys(vec!["red".to_owned(), "blue".to_owned()]);
        for may_be_missing in [false, true] {
            let root = tempdir().unwrap();
            let heard = Heard::default();
            let input = Input::of("t").mapping(some());
            let input = if may_be_missing { input.allow_missing() } else { input };
            let assets = [colors(store, &Version::default(), |asset| asset), seen(input)];
            let lakehouse = heard.listen(lakehouse(&root, assets)).build().unwrap();
            succeed(&lakehouse, &["red"]);
            let report = lakehouse.materialize_blocking("seen").unwrap();
            assert_eq!(report.is_success(), may_be_missing);
            if let Some((_, failure)) = report.failures().next() {
                assert_eq!(failure.code, ErrorKind::Missing.code());
                assert!(failure.message.contains("`blue`") && !failure.message.contains("`red`"), "{failure:?}");
            } else {
                let wanted = "v1:[blue]".parse().unwrap();
                let told = |kind: &EventKind| matches!(kind, EventKind::InputMissing { partitions: Some(slice), .. } if *slice == wanted);
                assert!(heard.kinds().iter().any(told), "{:#?}", heard.kinds());
                let frame: DataFrame = block_on(lakehouse.load_frame(&key("seen"))).unwrap();
                assert_eq!(texts(&frame, "color"), ["red"; 3]);
            }
        }
    }
}

#[test]
fn a_partition_of_the_same_definition_is_read_for_each() {
    for store in STORES {
        let root = tempdir().unwrap();
        let version = Version::default();
        let builder = AssetBuilder::new("down", ValueKind::Table).io_manager(store).partitions(Color::def().unwrap()).input("t");
        let body = |call: lakewright::Call| async move {
            call.blocking(|mut call| {
                let frame: DataFrame = call.frame("t")?;
                assert_eq!(texts(&frame, "color"), vec![call.partition_key()?.to_string(); 3]);
                call.produce_frame(frame)
            })
            .await
        };
        let assets = [colors(store, &version, |asset| asset), builder.body(body).unwrap()];
        let lakehouse = lakehouse(&root, assets).build().unwrap();
        succeed(&lakehouse, &["red", "green"]);
        let down = lakehouse.materialize_for_blocking("down", &of(&["green", "red"])).unwrap();
        assert!(down.is_success(), "{:#?}", down.failures().collect::<Vec<_>>());
        let failed = lakehouse.materialize_for_blocking("down", &of(&["blue"])).unwrap();
        let failure = failed.failures().next().unwrap().1;
        assert!(failure.message.contains("the partition `blue` of `t` is missing"), "{failure:?}");
    }
}

#[test]
fn what_is_stored_is_seen_whoever_stored_it() {
    let root = tempdir().unwrap();
    let asset = || colors("csv", &Version::default(), |asset| asset);
    let ours = lakehouse(&root, [asset()]).build().unwrap();
    succeed(&ours, &["red"]);
    std::fs::write(root.path().join("csv/t/blue.csv"), "color,v,n\nblue,7,1\n").unwrap();
    // What is no partition, or is not finished, is nobody's.
    std::fs::write(root.path().join("csv/t/.green.123.staged"), "color,v,n\ngreen,7,1\n").unwrap();
    std::fs::write(root.path().join("csv/t/yellow.csv"), "color,v,n\nyellow,7,1\n").unwrap();
    let present = block_on(ours.stored_partitions(&key("t"))).unwrap();
    assert_eq!(present.keys().map(|key| key.to_string()).collect::<Vec<_>>(), ["red", "blue"]);
    let frame: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert_eq!(texts(&frame, "color"), ["red", "red", "red", "blue"]);
}
