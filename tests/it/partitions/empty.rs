//! A slice without rows is there: it was stored, it is not missing, and nobody sees a row of it.

use lakewright::exec::PartitionChoice;
use lakewright::prelude::*;

use super::{Sliced, dated, days, fixed, live_files, numbered, rows};

#[test]
fn an_empty_frame_empties_its_slice_and_no_other() {
    let table = Sliced::new(fixed(["red", "blue", "green"]), |asset| asset.partition_expr("color"));
    let (red, blue) = (numbered("color", "red", &[1, 2]), numbered("color", "blue", &[3]));
    table.write_all([("red", red.clone()), ("blue", blue.clone())]);
    let report = table.write("red", red.clear());
    let stored = report.materializations().next().unwrap();
    assert_eq!((stored.rows, stored.slice_rows, stored.table_rows), (Some(0), Some(0), Some(1)));
    assert_eq!(table.live(), rows([&blue]));
    assert_eq!(table.stored(), ["red", "blue"], "the one without rows is there, and the one never stored is not");
    let nothing = table.read("red").unwrap();
    assert_eq!((nothing.height(), nothing.get_column_names()), (0, red.get_column_names()));
    assert!(table.read("green").is_none());
    assert_eq!(rows([&table.read_all().unwrap()]), rows([&blue]));
    table.write("red", red.clear());
    assert_eq!(live_files(&table.path()).len(), 2, "one mark is enough");
    table.write("red", red.clone());
    assert_eq!(table.live(), rows([&red, &blue]));
    assert_eq!(live_files(&table.path()).len(), 2, "the mark is gone");
}

#[test]
fn the_first_write_may_be_empty() {
    let table = Sliced::new(fixed(["red", "blue"]), |asset| asset.partition_expr("color"));
    table.write("red", numbered("color", "red", &[]));
    assert_eq!((table.live(), table.stored()), (Vec::new(), vec!["red".to_owned()]));
    table.write("blue", numbered("color", "blue", &[1]));
    assert_eq!(table.stored(), ["red", "blue"]);
}

#[test]
fn days_of_timestamps() {
    let table = Sliced::new(days(), |asset| asset.partition_expr("at"));
    let at = |day: &str, numbers: &[i64]| {
        let frame = dated(day, numbers).lazy().with_column(col("day").cast(DataType::Datetime(TimeUnit::Microseconds, None)));
        frame.rename(["day"], ["at"], true).collect().unwrap()
    };
    let (first, third) = (at("2023-01-01", &[1]), at("2023-01-03", &[3]));
    table.write_all([("2023-01-01", first.clone()), ("2023-01-02", first.clear()), ("2023-01-03", third.clone())]);
    assert_eq!(table.version(), 0);
    assert_eq!(table.stored(), ["2023-01-01", "2023-01-02", "2023-01-03"]);
    table.write("2023-01-01", first.clear());
    assert_eq!(table.live(), rows([&third]));
    assert_eq!(table.stored(), ["2023-01-01", "2023-01-02", "2023-01-03"]);
    table.write("2023-01-02", at("2023-01-02", &[2]));
    assert_eq!(table.live(), rows([&at("2023-01-02", &[2]), &third]));
    assert_eq!(table.read("2023-01-01").unwrap().height(), 0);
}

#[test]
fn one_frame_for_several_slices_leaves_a_mark_for_those_it_has_no_rows_of() {
    let table = Sliced::new(fixed(["red", "blue", "green"]), |asset| asset.partition_expr("color").call_once());
    table.give("", numbered("color", "blue", &[1]));
    table.expect(&PartitionChoice::none().key("red").key("blue"));
    assert_eq!(table.stored(), ["red", "blue"]);
    table.give("", numbered("color", "red", &[2]));
    table.expect(&PartitionChoice::all());
    assert_eq!(table.live(), rows([&numbered("color", "red", &[2])]));
    assert_eq!(table.stored(), ["red", "blue", "green"]);
}

#[test]
fn rows_are_added_to_an_empty_slice() {
    let table = Sliced::new(fixed(["red"]), |asset| asset.partition_expr("color").mode(lakewright::Mode::Append));
    table.write("red", numbered("color", "red", &[]));
    table.write("red", numbered("color", "red", &[1]));
    let report = table.write("red", numbered("color", "red", &[]));
    assert_eq!(report.materializations().next().unwrap().slice_rows, Some(1));
    assert_eq!(table.live(), rows([&numbered("color", "red", &[1])]));
    assert_eq!(rows([&table.read("red").unwrap()]), rows([&numbered("color", "red", &[1])]));
}
