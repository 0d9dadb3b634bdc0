//! Data files that hold several slices, as other writers make them: the rows that stay are written again, no row twice.

use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::CommitBuilder;
use deltalake_core::kernel::{Action, Add, Remove};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use lakewright::exec::PartitionChoice;
use lakewright::prelude::*;

use super::{Sliced, dated, days, fixed, live_files, numbered, rows};
use crate::support::{block_on, open_delta};

/// Replaces the live files of the table by one with these rows, without statistics, as somebody else might.
pub(super) fn rewritten_by_others(table: &Sliced, frame: &DataFrame, name: &str, stats: Option<&str>) {
    let path = table.path();
    let mut copy = frame.clone();
    ParquetWriter::new(std::fs::File::create(path.join(name)).unwrap()).finish(&mut copy).unwrap();
    let opened: DeltaTable = open_delta(&path);
    let mut actions: Vec<Action> =
        opened.snapshot().unwrap().log_data().iter().map(|file| Action::Remove(Remove { ..file.remove_action(true) })).collect();
    actions.push(Action::Add(Add {
        path: name.to_owned(),
        size: i64::try_from(std::fs::metadata(path.join(name)).unwrap().len()).unwrap(),
        modification_time: 1,
        data_change: true,
        stats: stats.map(str::to_owned),
        ..Default::default()
    }));
    let operation = DeltaOperation::Write { mode: SaveMode::Overwrite, partition_by: None, predicate: None };
    block_on(async {
        let snapshot = opened.snapshot().unwrap();
        CommitBuilder::default().with_actions(actions).build(Some(snapshot), opened.log_store(), operation).await.unwrap();
    });
}

pub(super) fn at(day: &str, numbers: &[i64]) -> DataFrame {
    let frame = dated(day, numbers).lazy().rename(["day"], ["at"], true);
    frame.with_column(col("at").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap()
}

pub(super) fn days_of_timestamps() -> (Sliced, Vec<DataFrame>) {
    let table = Sliced::new(days(), |asset| asset.partition_expr("at"));
    let frames: Vec<DataFrame> = (1..=4).map(|n| at(&format!("2023-01-0{n}"), &[n, 10 + n])).collect();
    table.write("2023-01-01", frames[0].clone());
    (table, frames)
}

pub(super) fn all(frames: &[DataFrame]) -> DataFrame {
    frames.iter().skip(1).fold(frames[0].clone(), |all, next| all.vstack(next).unwrap())
}

#[test]
fn one_file_without_statistics() {
    let (table, mut frames) = days_of_timestamps();
    rewritten_by_others(&table, &all(&frames), "theirs.parquet", None);
    assert_eq!(table.stored(), ["2023-01-01", "2023-01-02", "2023-01-03", "2023-01-04"]);
    assert_eq!(rows([&table.read("2023-01-03").unwrap()]), rows([&frames[2]]));
    frames[1] = at("2023-01-02", &[99]);
    let report = table.write("2023-01-02", frames[1].clone());
    assert_eq!(table.live(), rows(&frames));
    assert_eq!(live_files(&table.path()).len(), 2);
    assert_eq!(report.materializations().next().unwrap().table_rows, Some(7));
    let read = table.read_all().unwrap();
    assert_eq!(crate::support::integers(&read, "n"), [1, 11, 99, 3, 13, 4, 14], "in the order of days");
    // Gaps of the same file: what stays is written once.
    for place in [0, 2] {
        frames[place] = at(&format!("2023-01-0{}", place + 1), &[500]);
        table.give(&format!("2023-01-0{}", place + 1), frames[place].clone());
    }
    table.expect(&PartitionChoice::none().key("2023-01-01").key("2023-01-03"));
    assert_eq!(table.live(), rows(&frames));
}

#[test]
fn rows_without_a_value_stay() {
    let (table, mut frames) = days_of_timestamps();
    let nulls =
        frames[0].clone().lazy().with_column(lit(NULL).cast(DataType::Datetime(TimeUnit::Microseconds, None)).alias("at"));
    frames.push(nulls.collect().unwrap());
    let stats = r#"{"numRecords":10,"minValues":{"at":"2023-01-01T00:00:00.000"},"maxValues":{"at":"2023-01-04T00:00:00.000"},"nullCount":{"at":2}}"#;
    for stats in [None, Some(stats)] {
        rewritten_by_others(&table, &all(&frames), "nulls.parquet", stats);
        table.give("", DataFrame::empty());
        for n in 1..=4 {
            table.give(&format!("2023-01-0{n}"), at(&format!("2023-01-0{n}"), &[]));
        }
        let report = table.expect(&PartitionChoice::none().range("2023-01-01", "2023-01-04"));
        assert!(report.is_success());
        assert_eq!(table.live(), rows([&frames[4]]), "no slice has them");
    }
}

#[test]
fn statistics_cut_down_to_milliseconds() {
    let (table, _) = days_of_timestamps();
    let last = 1_672_617_599_999_999_i64;
    let frame = df!("at" => [last - 999, last], "n" => [1i64, 2]).unwrap().lazy();
    let frame = frame.with_column(col("at").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap();
    let stats = r#"{"numRecords":2,"minValues":{"at":"2023-01-01T23:59:59.999"},"maxValues":{"at":"2023-01-01T23:59:59.999"},"nullCount":{"at":0}}"#;
    rewritten_by_others(&table, &frame, "cut.parquet", Some(stats));
    assert_eq!(rows([&table.read("2023-01-01").unwrap()]), rows([&frame]));
    table.write("2023-01-02", at("2023-01-02", &[3]));
    assert_eq!(table.live(), rows([&frame, &at("2023-01-02", &[3])]));
    table.write("2023-01-01", at("2023-01-01", &[4]));
    assert_eq!(table.live(), rows([&at("2023-01-01", &[4]), &at("2023-01-02", &[3])]));
}

#[test]
fn rows_that_were_added_later_stay_later() {
    let appending = |asset: lakewright::AssetBuilder| asset.partition_expr("at").mode(lakewright::Mode::Append);
    let (table, frames) = days_of_timestamps();
    rewritten_by_others(&table, &all(&frames), "theirs.parquet", None);
    table.redefined(days(), appending).write("2023-01-01", at("2023-01-01", &[77]));
    table.write("2023-01-02", at("2023-01-02", &[5]));
    assert_eq!(crate::support::integers(&table.read("2023-01-01").unwrap(), "n"), [1, 11, 77]);
}

#[test]
fn a_static_dimension_of_an_unpartitioned_table_is_cut_by_rows() {
    let def = || lakewright::partition::PartitionsDef::multi("One", [("color", fixed(["red", "blue", "green"]))]).unwrap();
    let table = Sliced::new(def(), |asset| asset.partition_exprs([("color", "color")]).partition_by(Vec::<String>::new()));
    let slice = |color: &str, n: i64| numbered("color", color, &[n, n + 1]);
    table.write("red", slice("red", 1));
    let mut frames = vec![slice("red", 1), slice("blue", 10), slice("green", 20)];
    rewritten_by_others(&table, &all(&frames), "theirs.parquet", None);
    frames[1] = slice("blue", 30);
    table.write("blue", frames[1].clone());
    assert_eq!((table.live(), table.partition_columns()), (rows(&frames), Vec::new()));
    assert_eq!(table.stored(), ["red", "blue", "green"]);
}
