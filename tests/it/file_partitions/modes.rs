//! How a partition meets what is stored for it, in every store that keeps partitions apart.

use lakewright::asset::Mode;
use lakewright::event::EventKind;
use lakewright::io::file::{CsvIoManager, IpcIoManager, JsonIoManager, ParquetIoManager};
use lakewright::io::memory::MemoryIoManager;
use lakewright::prelude::*;
use lakewright::{AssetSpec, ErrorKind, LakehouseBuilder, Slice};
use tempfile::{TempDir, tempdir};

use super::{Version, colors, fail, load, rows, run, snapshot, succeed};
use crate::support::{Heard, lakehouse, read_file};

const STORES: [&str; 5] = ["parquet", "csv", "json", "ipc", "memory"];

/// A lakehouse of `t` in this mode, and whatever it says.
fn in_mode(root: &TempDir, memory: &MemoryIoManager, store: &str, version: &Version, mode: Mode) -> (Lakehouse, Heard) {
    let heard = Heard::default();
    let asset = colors(store, version, |asset| asset.mode(mode));
    (heard.listen(bound(root, memory, asset)).build().unwrap(), heard)
}

/// The default stores, with a memory that outlives one lakehouse.
fn bound(root: &TempDir, memory: &MemoryIoManager, asset: AssetSpec) -> LakehouseBuilder {
    let parquet = ParquetIoManager::new(root.path().join("parquet"));
    let csv = CsvIoManager::new(root.path().join("csv"));
    let builder = lakehouse(root, [asset]).io_manager("memory", memory.clone());
    let (json, ipc) = (JsonIoManager::new(root.path().join("json")), IpcIoManager::new(root.path().join("ipc")));
    builder.io_manager("parquet", parquet).io_manager("csv", csv).io_manager("json", json).io_manager("ipc", ipc)
}

/// Checks what is stored, also by a reader of its own where there are files.
#[track_caller]
fn holds(root: &TempDir, lakehouse: &Lakehouse, store: &str, wanted: &[(&str, Option<i64>)]) {
    for (color, version) in wanted {
        let expected = version.map(|version| rows(color, version));
        let loaded = load(lakehouse, color);
        assert!(loaded.is_some() == expected.is_some(), "{store} {color}");
        let file = root.path().join(store).join("t").join(format!("{color}.{}", crate::file_formats::extension(store)));
        let Some(expected) = expected else {
            assert!(!file.exists());
            continue;
        };
        assert!(loaded.unwrap().equals_missing(&expected), "{store} {color}");
        assert!(store == "memory" || read_file(&file).equals_missing(&expected), "{store} {color}");
    }
}

#[test]
fn each_partition_is_replaced_alone() {
    for store in STORES {
        let (root, memory, version) = (tempdir().unwrap(), MemoryIoManager::new(), Version::default());
        let (lakehouse, _) = in_mode(&root, &memory, store, &version, Mode::Overwrite);
        for (number, color) in [(1, "red"), (2, "blue")] {
            version.set(number);
            succeed(&lakehouse, &[color]);
        }
        let blue = || snapshot(&root.path().join(store).join("t")).into_iter().find(|(path, _)| path.starts_with("blue"));
        let before = blue();
        version.set(3);
        let report = succeed(&lakehouse, &["red"]);
        let stored = report.materializations().next().unwrap();
        assert_eq!((stored.rows, stored.slice_rows, stored.table_rows), (Some(3), Some(3), None));
        holds(&root, &lakehouse, store, &[("red", Some(3)), ("blue", Some(2)), ("green", None)]);
        assert_eq!(blue(), before);
    }
}

#[test]
fn several_partitions_are_one_step_and_one_record() {
    for store in STORES {
        let (root, memory, version) = (tempdir().unwrap(), MemoryIoManager::new(), Version::default());
        let (lakehouse, _) = in_mode(&root, &memory, store, &version, Mode::Overwrite);
        let report = succeed(&lakehouse, &["red", "green"]);
        let stored: Vec<_> = report.materializations().collect();
        assert_eq!(stored.len(), 1, "{store}");
        assert_eq!((stored[0].rows, stored[0].table_rows), (Some(6), None), "{store}");
        holds(&root, &lakehouse, store, &[("red", Some(0)), ("blue", None), ("green", Some(0))]);
    }
}

#[test]
fn error_refuses_all_if_one_is_there() {
    for store in STORES {
        let (root, memory, version) = (tempdir().unwrap(), MemoryIoManager::new(), Version::default());
        let (lakehouse, _) = in_mode(&root, &memory, store, &version, Mode::Error);
        succeed(&lakehouse, &["blue"]);
        let before = snapshot(root.path().join(store).as_path());
        version.set(1);
        let failure = fail(&lakehouse, &["red", "blue", "green"]);
        assert_eq!(failure.code, ErrorKind::Present.code());
        assert!(failure.message.contains("`blue` of `t`"), "{failure:?}");
        assert_eq!(snapshot(root.path().join(store).as_path()), before);
        holds(&root, &lakehouse, store, &[("red", None), ("blue", Some(0)), ("green", None)]);
        succeed(&lakehouse, &["red", "green"]);
        holds(&root, &lakehouse, store, &[("red", Some(1)), ("blue", Some(0)), ("green", Some(1))]);
    }
}

#[test]
fn ignore_writes_only_what_is_absent_and_says_what_it_left() {
    for store in STORES {
        let (root, memory, version) = (tempdir().unwrap(), MemoryIoManager::new(), Version::default());
        let (lakehouse, heard) = in_mode(&root, &memory, store, &version, Mode::Ignore);
        succeed(&lakehouse, &["blue"]);
        version.set(1);
        let report = succeed(&lakehouse, &["red", "blue", "green"]);
        let blue: Slice = "v1:[blue]".parse().unwrap();
        let left = |kind: &EventKind| matches!(kind, EventKind::OutputSkipped { slice, .. } if *slice == blue);
        assert_eq!(heard.kinds().iter().filter(|kind| left(kind)).count(), 1, "{store}: {:#?}", heard.kinds());
        let stored = report.materializations().next().unwrap();
        assert_eq!((stored.rows, &stored.slice), (Some(6), &"v1:[green,red]".parse().unwrap()), "{store}");
        holds(&root, &lakehouse, store, &[("red", Some(1)), ("blue", Some(0)), ("green", Some(1))]);
        version.set(2);
        assert_eq!(succeed(&lakehouse, &["red", "blue", "green"]).materializations().count(), 0);
        holds(&root, &lakehouse, store, &[("red", Some(1)), ("blue", Some(0)), ("green", Some(1))]);
    }
}

#[test]
fn files_do_not_append_and_memory_does() {
    let (root, memory, version) = (tempdir().unwrap(), MemoryIoManager::new(), Version::default());
    for store in ["parquet", "csv"] {
        let error = lakehouse(&root, [colors(store, &version, |asset| asset.mode(Mode::Append))]).build().unwrap_err();
        assert_eq!(error.errors().len(), 1);
        assert!(error.errors()[0].message().ends_with("does not honour `mode = \"append\"`"), "{error}");
    }
    let (lakehouse, _) = in_mode(&root, &memory, "memory", &version, Mode::Append);
    for number in 1..3 {
        version.set(number);
        succeed(&lakehouse, &["red"]);
    }
    succeed(&lakehouse, &["blue"]);
    let both = rows("red", 1).vstack(&rows("red", 2)).unwrap();
    assert!(load(&lakehouse, "red").unwrap().equals_missing(&both));
    assert!(load(&lakehouse, "blue").unwrap().equals_missing(&rows("blue", 2)));
}

/// Makes rows of one color for another.
fn strays(root: &TempDir, memory: &MemoryIoManager, store: &str, frame: DataFrame) -> Lakehouse {
    use lakewright::partition::PartitionDefinition;
    let builder = lakewright::AssetBuilder::new("t", ValueKind::Table).io_manager(store).partition_expr("color");
    let body = move |call: lakewright::Call| {
        let frame = frame.clone();
        async move { call.produce_frame(frame) }
    };
    let asset = builder.partitions(super::Color::def().unwrap()).body(body).unwrap();
    bound(root, memory, asset).build().unwrap()
}

#[test]
fn rows_of_another_partition_are_refused_also_at_first() {
    let mixed = df!("color" => [Some("red"), Some("blue"), None], "v" => [9i64; 3], "n" => [1i64, 2, 3]).unwrap();
    let null = df!("color" => [Some("red"), None], "v" => [9i64; 2], "n" => [1i64, 2]).unwrap();
    let none = df!("colour" => ["red"]).unwrap();
    for store in STORES {
        let (root, memory, version) = (tempdir().unwrap(), MemoryIoManager::new(), Version::default());
        let folder = root.path().join(store);
        for round in 0..2 {
            let before = snapshot(&folder);
            let failure = fail(&strays(&root, &memory, store, mixed.clone()), &["red"]);
            assert_eq!(failure.code, ErrorKind::StrayRows.code(), "{store}: {failure:?}");
            let wanted = "2 rows of the output do not belong to the partition `red`: `color` is `blue` in the first of them";
            assert_eq!(failure.message, wanted, "{store}");
            let failure = fail(&strays(&root, &memory, store, null.clone()), &["red"]);
            assert!(failure.message.contains("`color` is null"), "{store}: {failure:?}");
            let failure = fail(&strays(&root, &memory, store, none.clone()), &["red"]);
            assert_eq!(failure.code, ErrorKind::Schema.code());
            assert_eq!(snapshot(&folder), before, "{store}");

            let (lakehouse, _) = in_mode(&root, &memory, store, &version, Mode::Overwrite);
            holds(&root, &lakehouse, store, &[("red", (round > 0).then_some(1)), ("blue", None)]);
            version.set(1);
            succeed(&lakehouse, &["red"]);
        }
    }
}

#[test]
fn an_empty_frame_is_stored_and_there() {
    for store in STORES {
        let (root, memory) = (tempdir().unwrap(), MemoryIoManager::new());
        let empty = rows("red", 1).head(Some(0));
        let lakehouse = strays(&root, &memory, store, empty.clone());
        let report = run(&lakehouse, &["red"]);
        assert_eq!(report.materializations().next().unwrap().rows, Some(0), "{store}");
        let loaded = load(&lakehouse, "red").expect("it is there");
        assert!(loaded.equals_missing(&empty), "{store}: {loaded}");
        assert_eq!(loaded.schema(), empty.schema(), "{store}");
        assert!(load(&lakehouse, "blue").is_none());
        let present = crate::support::block_on(lakehouse.stored_partitions(&crate::support::key("t"))).unwrap();
        assert_eq!(present.keys().map(|key| key.to_string()).collect::<Vec<_>>(), ["red"]);
    }
}
