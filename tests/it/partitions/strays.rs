//! Rows that do not belong: refused with the column, the first value and how many, and nothing of them is stored.

use lakewright::ErrorKind;
use lakewright::exec::PartitionChoice;
use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;

use super::{Sliced, assert_kind, dated, days, fixed, numbered, rows};
use crate::support::files_below;

fn colors() -> Sliced {
    Sliced::new(fixed(["red", "blue", "green"]), |asset| asset.partition_expr("color"))
}

#[test]
fn on_the_first_write_no_table_is_left_behind() {
    let table = colors();
    let failure = table.refuse("red", numbered("color", "blue", &[1, 2, 3]));
    assert_kind(&failure, ErrorKind::StrayRows, &["3 rows", "`color` is `blue`", "`red`"]);
    assert_eq!(files_below(&table.path()), Vec::<std::path::PathBuf>::new());
    table.write("red", numbered("color", "red", &[1]));
    assert_eq!(table.live(), rows([&numbered("color", "red", &[1])]), "the folder is still free for a table");
}

#[test]
fn one_among_many_is_found_wherever_it_is() {
    let table = colors();
    table.write("red", numbered("color", "red", &[1]));
    let many: Vec<i64> = (0..100_000).collect();
    let good = numbered("color", "red", &many);
    let bad = numbered("color", "blue", &[-1]);
    for frame in [good.vstack(&bad).unwrap(), bad.vstack(&good).unwrap()] {
        let failure = table.refuse("red", frame);
        assert_kind(&failure, ErrorKind::StrayRows, &["1 row of the output does not", "`color` is `blue`"]);
    }
}

#[test]
fn a_row_without_a_value_belongs_nowhere() {
    let table = colors();
    table.write("red", numbered("color", "red", &[1]));
    let nulls = df!("color" => [Some("red"), None, None], "n" => [1i64, 2, 3]).unwrap();
    assert_kind(&table.refuse("red", nulls), ErrorKind::StrayRows, &["2 rows", "`color` is null"]);
    let empty = df!("color" => ["red", ""], "n" => [1i64, 2]).unwrap();
    assert_kind(&table.refuse("red", empty), ErrorKind::StrayRows, &["1 row", "`color` is ``"]);
}

#[test]
fn outside_of_a_window_of_dates_and_of_timestamps() {
    let table = Sliced::new(days(), |asset| asset.partition_expr("day"));
    table.write("2023-01-01", dated("2023-01-01", &[1]));
    let late = dated("2023-01-01", &[1]).vstack(&dated("2023-01-02", &[2])).unwrap();
    assert_kind(&table.refuse("2023-01-01", late), ErrorKind::StrayRows, &["`day` is `2023-01-02`"]);

    let table = Sliced::new(days(), |asset| asset.partition_expr("at"));
    let at = |micros: &[Option<i64>]| {
        let frame = df!("at" => micros, "n" => vec![1i64; micros.len()]).unwrap().lazy();
        frame.with_column(col("at").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap()
    };
    let (start, day) = (1_672_531_200_000_000, 86_400_000_000);
    table.write("2023-01-01", at(&[Some(start), Some(start + day - 1)]));
    for stray in [start - 1, start + day] {
        let failure = table.refuse("2023-01-01", at(&[Some(start), Some(stray)]));
        assert_kind(&failure, ErrorKind::StrayRows, &["1 row", "`at` is `202"]);
    }
    assert_kind(&table.refuse("2023-01-01", at(&[Some(start), None])), ErrorKind::StrayRows, &["`at` is null"]);
}

#[test]
fn inside_of_the_box_around_a_set_and_outside_of_the_set() {
    let def = PartitionsDef::multi("Both", [("a", fixed(["x", "y"])), ("b", fixed(["1", "2"]))]).unwrap();
    let table = Sliced::new(def, |asset| asset.partition_exprs([("a", "a"), ("b", "b")]).call_once());
    let slice = |a: &str, b: &str, n: i64| df!("a" => [a], "b" => [b], "n" => [n]).unwrap();
    let corners = |n: i64| slice("x", "1", n).vstack(&slice("y", "2", n)).unwrap();
    let diagonal = PartitionChoice::none().key("x|1").key("y|2");
    table.give("", corners(1));
    table.expect(&diagonal);
    table.give("", corners(2).vstack(&slice("x", "2", 2)).unwrap());
    let failure = table.refuse_all(&diagonal);
    assert_kind(&failure, ErrorKind::StrayRows, &["`a` is `x` and `b` is `2`", "`x|1`, `y|2`"]);
}

#[test]
fn of_one_call_among_several_nothing_is_stored() {
    let table = colors();
    table.write("red", numbered("color", "red", &[1]));
    table.give("red", numbered("color", "red", &[10]));
    table.give("blue", numbered("color", "red", &[20]));
    let failure = table.refuse_all(&PartitionChoice::none().key("red").key("blue"));
    assert_kind(&failure, ErrorKind::StrayRows, &["1 row", "`color` is `red`", "`blue`"]);
    assert_eq!(files_below(&table.path()).iter().filter(|file| file.extension().is_some_and(|e| e == "parquet")).count(), 1);
}

#[test]
fn a_lazy_plan_is_checked_too() {
    let def = fixed(["red", "blue"]);
    let asset = lakewright::AssetBuilder::new("lazy", ValueKind::Table).partitions(def.clone()).partition_expr("color");
    let asset = asset.body(|call| async move { call.produce_frame(numbered("color", "blue", &[1, 2]).lazy()) }).unwrap();
    let table = Sliced::with(def, |asset| asset.partition_expr("color"), [asset]);
    let report = table.lakehouse.materialize_for_blocking("lazy", &PartitionChoice::none().key("red")).unwrap();
    assert_kind(report.failures().next().unwrap().1, ErrorKind::StrayRows, &["2 rows", "`color` is `blue`"]);
}

#[test]
fn a_column_that_is_not_there_is_named() {
    let table = colors();
    table.write("red", numbered("color", "red", &[1]));
    let failure = table.refuse("red", numbered("colour", "red", &[1]));
    assert_kind(&failure, ErrorKind::Schema, &["`color`", "did you mean `colour`?"]);
}
