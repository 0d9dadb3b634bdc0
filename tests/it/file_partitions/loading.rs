//! What readers of partitions get: those that are there, in order, and never fewer without a word.

use lakewright::asset::Input;
use lakewright::event::EventKind;
use lakewright::partition::{Mapping, PartitionDefinition};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, ErrorKind};
use tempfile::tempdir;

use super::{Color, Version, colors, of, rows, succeed};
use crate::support::{Heard, block_on, integers, key, lakehouse, texts};

const STORES: [&str; 5] = ["parquet", "csv", "json", "ipc", "memory"];

/// An asset without partitions that says which colors it was handed, in which order.
fn seen(input: Input) -> AssetSpec {
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

/// The asset `t`, of which `blue` is this frame and each other color has the columns of [`rows`].
fn with_blue(store: &str, blue: &DataFrame) -> AssetSpec {
    let blue = blue.clone();
    let body = move |call: lakewright::Call| {
        let blue = blue.clone();
        async move {
            let color = call.partition_key()?.to_string();
            call.produce_frame(if color == "blue" { blue } else { rows(&color, 1) })
        }
    };
    AssetBuilder::new("t", ValueKind::Table).io_manager(store).partitions(Color::def().unwrap()).body(body).unwrap()
}

/// Refuses to read all of `t`, and says that `blue` is not like `red` in this.
#[track_caller]
fn blue_differs(lakehouse: &Lakehouse, store: &str, differs: &str) {
    let error = block_on(lakehouse.load_frame::<DataFrame>(&key("t"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{store}: {error:?}");
    assert_eq!(error.message(), format!("the partitions `red` and `blue` of `t` differ: {differs}"), "{store}");
    assert!(error.help_text().is_some_and(|help| help.contains("(color str, v i64, n i64)")), "{store}: {error:?}");
    let location = error.context().find(|(name, _)| *name == "location").unwrap().1;
    assert!(location.contains(store) && location.contains("blue"), "{location}");
}

#[test]
fn partitions_whose_columns_differ_are_named_with_what_differs() {
    let blue = rows("blue", 1);
    let other = |column: Column| blue.select(["color", "v"]).unwrap().hstack(&[column]).unwrap();
    let frames = [
        (other(Column::new("m".into(), [1i64, 2, 3])), "one table has a column `n` where another has `m`"),
        (other(Column::new("n".into(), [1.5f64, 2.5, 3.5])), "the column `n` is i64 in one table and f64 in another"),
        (blue.select(["color", "n", "v"]).unwrap(), "one table has a column `v` where another has `n`"),
        (blue.select(["color", "v"]).unwrap(), "one table has 3 columns and another has 2"),
    ];
    // Each partition in Delta is a table of its own here.
    for store in ["parquet", "csv", "json", "ipc", "delta"] {
        for (frame, differs) in &frames {
            let root = tempdir().unwrap();
            let assets = [with_blue(store, frame), seen(Input::of("t").columns(["color"]))];
            let lakehouse = lakehouse(&root, assets).build().unwrap();
            succeed(&lakehouse, &["red"]);
            succeed(&lakehouse, &["blue"]);
            blue_differs(&lakehouse, store, differs);
            // What is not read may differ.
            assert!(lakehouse.materialize_blocking("seen").unwrap().is_success(), "{store}");
            let frame: DataFrame = block_on(lakehouse.load_frame(&key("seen"))).unwrap();
            assert_eq!(texts(&frame, "color"), ["red", "red", "red", "blue", "blue", "blue"], "{store}");
        }
    }
}

#[test]
fn a_partition_of_somebody_else_is_named_as_well_if_its_columns_differ() {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, [colors("csv", &Version::default(), |asset| asset)]).build().unwrap();
    succeed(&lakehouse, &["red"]);
    std::fs::write(root.path().join("csv/t/blue.csv"), "color,v,m\nblue,7,1\n").unwrap();
    blue_differs(&lakehouse, "csv", "one table has a column `n` where another has `m`");
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
