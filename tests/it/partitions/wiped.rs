//! Partitions that are removed: theirs go, and nothing else, in one version that can be taken back.

use lakewright::exec::PartitionChoice;
use lakewright::io::maintenance::Maintenance;
use lakewright::prelude::*;
use lakewright::state::PartitionStatus;
use lakewright::{AssetBuilder, ErrorKind, Mode};

use super::shared_files::{all, at, days_of_timestamps, rewritten_by_others};
use super::{Sliced, fixed, live_files, numbered, rows};
use crate::support::{block_on, key};

fn colors() -> (Sliced, Vec<DataFrame>) {
    let table = Sliced::new(fixed(["red", "green", "blue"]), |asset| asset.partition_expr("color"));
    let frames: Vec<DataFrame> =
        ["red", "green", "blue"].iter().zip(1..).map(|(color, n)| numbered("color", color, &[n, 10 * n])).collect();
    table.write_all(["red", "green", "blue"].into_iter().zip(frames.iter().cloned()));
    (table, frames)
}

fn wipe(table: &Sliced, choice: &PartitionChoice) -> lakewright::Result<Option<u64>> {
    Ok(block_on(table.lakehouse.wipe(&key("t"), choice))?.partitions)
}

fn materialized(table: &Sliced) -> Vec<String> {
    let recorded = table.lakehouse.recorded_partitions(&key("t"), PartitionStatus::Materialized).unwrap();
    recorded.keys().map(|key| key.to_string()).collect()
}

#[test]
fn files_of_their_own_go_in_one_version_which_can_be_taken_back() {
    let (table, frames) = colors();
    let before = table.version();
    assert_eq!(wipe(&table, &PartitionChoice::none().key("red").key("blue")).unwrap(), Some(2));
    assert_eq!((table.live(), table.version()), (rows([&frames[1]]), before + 1));
    assert_eq!((table.stored(), materialized(&table)), (vec!["green".to_owned()], vec!["green".to_owned()]));
    assert_eq!(wipe(&table, &PartitionChoice::none().key("red")).unwrap(), Some(0), "there is nothing left of it");
    assert_eq!(table.version(), before + 1);
    let missing = table.lakehouse.plan_for("t", &PartitionChoice::missing()).unwrap();
    assert_eq!(missing.steps[0].assets[0].slice.to_string(), "v1:[blue,red]");
    let version = i64::try_from(before).unwrap();
    block_on(table.lakehouse.maintain(&key("t"), None, Maintenance::Restore { version })).unwrap();
    assert_eq!(table.live(), rows(&frames));
}

#[test]
fn a_partition_without_rows_is_not_there_any_more() {
    let (table, frames) = colors();
    table.write("green", frames[1].clear());
    assert_eq!(table.stored().len(), 3);
    assert_eq!(wipe(&table, &PartitionChoice::none().key("green")).unwrap(), Some(1));
    assert_eq!((table.stored().len(), table.live()), (2, rows([&frames[0], &frames[2]])));
}

#[test]
fn all_of_them_leave_a_table_that_is_written_to_as_before() {
    let (table, mut frames) = colors();
    assert_eq!(wipe(&table, &PartitionChoice::all()).unwrap(), Some(3));
    assert!(table.live().is_empty() && table.stored().is_empty() && live_files(&table.path()).is_empty());
    frames.truncate(1);
    table.write("red", frames[0].clone());
    assert_eq!(table.live(), rows(&frames));
}

#[test]
fn of_a_file_with_other_rows_those_are_written_again() {
    let (table, mut frames) = days_of_timestamps();
    rewritten_by_others(&table, &all(&frames), "theirs.parquet", None);
    assert_eq!(wipe(&table, &PartitionChoice::none().key("2023-01-02").key("2023-01-04")).unwrap(), Some(2));
    frames = vec![frames[0].clone(), frames[2].clone()];
    assert_eq!(table.live(), rows(&frames));
    let version = table.version();
    // A file that may hold a partition, and does not, stays as it is.
    let files = live_files(&table.path());
    assert_eq!(wipe(&table, &PartitionChoice::none().key("2023-01-02")).unwrap(), Some(0));
    assert_eq!((table.version(), live_files(&table.path())), (version, files));
    let data =
        std::fs::read_dir(table.path()).unwrap().filter_map(Result::ok).map(|file| file.file_name().into_string().unwrap());
    let mut data: Vec<String> = data.filter(|name| name.ends_with(".parquet") && name != "theirs.parquet").collect();
    data.retain(|name| !live_files(&table.path()).contains(name));
    assert!(data.len() <= 1, "what the first write staged, and nothing of a wipe: {data:?}");
    table.write("2023-01-02", at("2023-01-02", &[7]));
    frames.push(at("2023-01-02", &[7]));
    assert_eq!(table.live(), rows(&frames));
}

#[test]
fn a_table_that_keeps_its_rows_keeps_them() {
    let table = Sliced::new(fixed(["red", "green"]), |asset| {
        asset.partition_expr("color").mode(Mode::Append).store_option("table_properties", "delta.appendOnly=true")
    });
    table.write("red", numbered("color", "red", &[1]));
    let before = table.snapshot();
    let error = wipe(&table, &PartitionChoice::none().key("red")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotHonoured, "{error}");
    assert_eq!((table.snapshot(), materialized(&table)), (before, vec!["red".to_owned()]));
}

#[test]
fn whole_tables_are_not_removed() {
    let spec =
        AssetBuilder::new("whole", ValueKind::Table).body(|call| async move { call.produce_frame(numbered("a", "b", &[1])) });
    let table = Sliced::with(fixed(["red", "green"]), |asset| asset, [spec.unwrap()]);
    table.write("red", numbered("color", "red", &[1]));
    assert!(table.lakehouse.materialize_blocking("whole").unwrap().is_success());
    for (asset, choice) in [("whole", PartitionChoice::none()), ("t", PartitionChoice::none().key("red"))] {
        let error = block_on(table.lakehouse.wipe(&key(asset), &choice)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(block_on(table.lakehouse.describe(&key(asset))).unwrap().exists);
    }
}

#[test]
fn what_is_missing_is_what_is_not_recorded_and_nothing_else() {
    let (table, frames) = colors();
    let error = wipe(&table, &PartitionChoice::missing()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PartitionKey);
    assert!(error.message().contains("no partition of `t` is missing"), "{error}");
    let error = wipe(&table, &PartitionChoice::failed()).unwrap_err();
    assert!(error.message().contains("recorded as failed"), "{error}");
    assert_eq!(table.live(), rows(&frames));
    assert_eq!(wipe(&table, &PartitionChoice::none().key("red")).unwrap(), Some(1));
    assert_eq!(wipe(&table, &PartitionChoice::missing()).unwrap(), Some(0), "of `red` there is nothing left");
    assert_eq!(table.live(), rows([&frames[1], &frames[2]]));
    let report = block_on(table.lakehouse.report(&key("t"), &PartitionChoice::missing(), Vec::new(), true));
    assert_eq!(report.unwrap().slice.unwrap().to_string(), "v1:[red]");
}
