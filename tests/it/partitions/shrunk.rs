//! A definition that no longer has what is stored, and tables that are not what the asset says: errors, and nothing is lost.

use lakewright::ErrorKind;
use lakewright::exec::{Interrupt, PartitionChoice};
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::prelude::*;

use super::{Sliced, assert_kind, dated, days, fixed, numbered, rows, windows};
use crate::support::block_on;

#[test]
fn a_static_key_that_was_removed() {
    let table = Sliced::new(fixed(["red", "blue"]), |asset| asset.partition_expr("color"));
    let (red, blue) = (numbered("color", "red", &[1]), numbered("color", "blue", &[2]));
    table.write_all([("red", red.clone()), ("blue", blue.clone())]);
    let smaller = table.redefined(fixed(["red"]), |asset| asset.partition_expr("color"));
    let error = smaller.refused_to_plan(&PartitionChoice::none().key("blue"));
    assert_eq!(error.kind(), ErrorKind::PartitionKey);
    let error = smaller.read_all().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Partitions);
    assert!(error.to_string().contains("rows of `blue`, which is not a key of `Fixed`"), "{error}");
    smaller.write("red", numbered("color", "red", &[3]));
    assert_eq!(smaller.live(), rows([&numbered("color", "red", &[3]), &blue]), "what it does not know of is not touched");
    assert_eq!(rows([&table.read("blue").unwrap()]), rows([&blue]));
}

#[test]
fn a_start_that_moved_and_an_end() {
    let timestamps = |day: &str, n: i64| {
        dated(day, &[n]).lazy().with_column(col("day").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap()
    };
    for by_instant in [false, true] {
        let slice = |day: &str, n: i64| if by_instant { timestamps(day, n) } else { dated(day, &[n]) };
        let table = Sliced::new(days(), |asset| asset.partition_expr("day"));
        table.write_all([("2023-01-01", slice("2023-01-01", 1)), ("2023-01-05", slice("2023-01-05", 5))]);
        let ended = TimeDef::new(Every::Day, "2023-01-01").unwrap().end("2023-01-04").unwrap();
        for def in [windows(Every::Day, "2023-01-03"), PartitionsDef::time("Windows", ended)] {
            let moved = table.redefined(def, |asset| asset.partition_expr("day"));
            let error = moved.read_all().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Partitions, "{error}");
            assert!(error.to_string().contains("is in no window of `Windows`"), "{error}");
        }
        let moved = table.redefined(windows(Every::Day, "2023-01-03"), |asset| asset.partition_expr("day"));
        assert_eq!(moved.refused_to_plan(&PartitionChoice::none().key("2023-01-01")).kind(), ErrorKind::PartitionKey);
        moved.write("2023-01-05", slice("2023-01-05", 50));
        assert_eq!(moved.live(), rows([&slice("2023-01-01", 1), &slice("2023-01-05", 50)]));
    }
}

#[test]
fn a_plan_of_a_larger_definition_is_refused() {
    let table = Sliced::new(fixed(["red", "blue"]), |asset| asset.partition_expr("color"));
    table.write("red", numbered("color", "red", &[1]));
    let plan = table.lakehouse.plan_for("t", &PartitionChoice::none().key("blue")).unwrap();
    let smaller = table.redefined(fixed(["red"]), |asset| asset.partition_expr("color"));
    let refused = block_on(smaller.lakehouse.run(plan, Interrupt::new()));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Fingerprint);
}

#[test]
fn partition_columns_that_differ() {
    let table = Sliced::new(fixed(["red"]), |asset| asset.partition_expr("color"));
    let frame = df!("color" => ["red"], "paint" => ["red"], "n" => [1i64]).unwrap();
    table.write("red", frame.clone());
    let other = table.redefined(fixed(["red"]), |asset| asset.partition_expr("paint"));
    let failure = other.refuse("red", frame.clone());
    assert_kind(&failure, ErrorKind::Schema, &["partitioned by `color` and the asset by `paint`"]);
    let apart = table.redefined(fixed(["red"]), |asset| asset);
    apart.write("red", frame.clone());
    assert_eq!(table.live(), rows([&frame]), "a table for each partition leaves the one table alone");
}

impl Sliced {
    #[track_caller]
    fn refused_to_plan(&self, choice: &PartitionChoice) -> Error {
        let before = self.snapshot();
        let error = self.lakehouse.materialize_for_blocking("t", choice).unwrap_err();
        assert_eq!(self.snapshot(), before);
        error
    }
}
