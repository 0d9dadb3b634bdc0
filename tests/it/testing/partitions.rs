//! Runs of partitions, and partitions that are injected.

use lakewright::prelude::*;
use lakewright::testing::TestRun;
use lakewright::{ErrorKind, Object};

use super::{place, told};
use crate::support::{integers, texts};

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions(keys = ["north", "south"])]
struct Station;

#[partitions]
struct DayStation {
    date: Day,
    station: Station,
}

#[partitions(dynamic = "testing_regions")]
struct Region;

#[asset(partitions = Day, partition_expr = "day", io_manager = "delta")]
fn readings() -> DataFrame {
    panic!("asks a server")
}

#[asset(partitions = Day, partition_expr = "day", io_manager = "delta")]
fn rounded(readings: LazyFrame) -> LazyFrame {
    readings.with_column(col("n") * lit(10))
}

fn day(key: &str, n: i64) -> DataFrame {
    df!("day" => [key], "n" => [n]).unwrap()
}

#[test]
fn chosen_partitions_are_made_of_injected_ones() {
    let run = || {
        TestRun::new().assets(assets![rounded]).with_partition("readings", "2023-01-01", day("2023-01-01", 1)).with_partition(
            "readings",
            "2023-01-02",
            day("2023-01-02", 2),
        )
    };
    let outcome = run().partition("2023-01-02").materialize("rounded").unwrap();
    outcome.assert_success().assert_rows("rounded", 1);
    assert_eq!(integers(&outcome.partition_frame("rounded", "2023-01-02"), "n"), [20]);
    let outcome = run().partitions("2023-01-01..2023-01-02").materialize("*rounded").unwrap();
    assert_eq!(integers(&outcome.assert_rows("rounded", 2).frame("rounded"), "n"), [10, 20], "all of them");
    let outcome = run().partitions("2023-01-01..2023-01-03").materialize("rounded").unwrap();
    outcome.assert_failed("rounded", ErrorKind::Missing);
    assert!(outcome.failure("rounded").unwrap().message.contains("2023-01-03"), "{:?}", outcome.failure("rounded"));
}

#[test]
fn rows_of_another_partition_are_refused() {
    let run = TestRun::new().assets(assets![rounded]).partition("2023-01-01");
    let error = run.with_partition("readings", "2023-01-01", day("2023-01-02", 1)).materialize("rounded").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StrayRows);
    assert!(place(&error).contains("testing/partitions.rs:"), "{error}");
}

#[test]
fn values_with_and_without_a_partition_are_told_apart() {
    let run = || TestRun::new().assets(assets![rounded]).partition("2023-01-01");
    let error = run().with("readings", day("2023-01-01", 1)).materialize("rounded").unwrap_err();
    assert_eq!(
        told(&error),
        "LW0402 `readings` is partitioned by `Day`, and what is injected is of no partition\n\
         help: inject it with `.with_partition(asset, key, value)`"
    );
    let error = run().materialize("rounded").unwrap_err();
    assert!(error.help_text().unwrap().starts_with("inject `.with_partition(\"readings\", …)`"), "{error:?}");

    #[asset]
    fn whole() -> i64 {
        1
    }
    #[asset]
    fn after(whole: i64) -> i64 {
        whole
    }
    let run = TestRun::new().assets(assets![after]).with_partition("whole", "x", Object::new(1));
    assert_eq!(run.materialize("after").unwrap_err().kind(), ErrorKind::PartitionKey);
}

#[test]
fn a_window_exists_once_it_is_over_by_the_clock_of_the_run() {
    let run = || TestRun::new().assets(assets![rounded]).with_partition("readings", "2023-01-01", day("2023-01-01", 1));
    let error = run().partition("2023-01-01").at("2023-01-01T23:59:59Z").materialize("rounded").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PartitionKey);
    let clock = error.context().find(|(name, _)| *name == "clock").unwrap().1;
    assert_eq!(clock, "2023-01-01T23:59:59Z", "{error}");
    let outcome = run().partition("2023-01-01").at("2023-01-02T00:00:00Z").materialize("rounded").unwrap();
    outcome.assert_success();
}

#[test]
fn an_asset_runs_on_its_own_earlier_partitions() {
    #[asset(partitions = Day)]
    fn so_far(day: Partition<Day>, #[input(previous)] before: Option<i64>) -> i64 {
        before.unwrap_or_default() + i64::from(day.day())
    }

    let run = || TestRun::new().assets(assets![so_far]);
    let outcome =
        run().with_previous("so_far", "2023-01-04", Object::new(100)).partitions("2023-01-05..2023-01-06").materialize("so_far");
    let outcome = outcome.unwrap();
    assert_eq!(outcome.partition_object::<i64>("so_far", "2023-01-05"), 105);
    assert_eq!(outcome.partition_object::<i64>("so_far", "2023-01-06"), 111);
    let outcome = run().partition("2023-01-05").materialize("so_far").unwrap();
    outcome.assert_failed("so_far", ErrorKind::Missing);
}

#[test]
fn one_frame_of_several_partitions_is_taken_apart() {
    #[asset(partitions = DayStation, partition_expr(date = "day", station = "at"), io_manager = "delta")]
    fn all(keys: &PartitionSet<DayStation>) -> Result<DataFrame> {
        let keys: Vec<_> = keys.keys().keys().collect();
        let of = |name| keys.iter().map(|key| key.dimension(name).unwrap().to_owned()).collect::<Vec<_>>();
        Ok(df!("day" => of("date"), "at" => of("station"))?)
    }

    #[asset(partitions = Day)]
    fn stations(all: Partitions<DayStation, DataFrame>) -> usize {
        all.len()
    }

    let run = || TestRun::new().assets(assets![stations]).partition("date=2023-01-01");
    let outcome = run().materialize("*stations").unwrap();
    outcome.assert_success().assert_rows("all", 2);
    assert_eq!(texts(&outcome.partition_frame("all", "2023-01-01|south"), "at"), ["south"]);
    assert_eq!(outcome.partition_object::<usize>("stations", "2023-01-01"), 2);

    #[asset(partitions = Day, partition_expr = "day", io_manager = "delta")]
    fn strays(_days: &PartitionSet<Day>) -> Result<DataFrame> {
        Ok(df!("day" => ["2023-01-01", "2023-02-01"])?)
    }
    let run = TestRun::new().assets(assets![strays]).partitions("2023-01-01..2023-01-02");
    run.materialize("strays").unwrap().assert_failed("strays", ErrorKind::StrayRows);
}

#[test]
fn a_table_without_partitions_is_read_by_its_column() {
    #[asset(io_manager = "delta", partition_expr = "station")]
    fn measured() -> DataFrame {
        panic!("reads a file")
    }

    #[asset(partitions = Station)]
    fn sum(#[input(mapping = identity, columns = ["n"])] measured: DataFrame) -> Result<i64> {
        Ok(measured.column("n")?.i64()?.sum().unwrap_or_default())
    }

    let frame = df!("station" => ["north", "south", "north"], "n" => [1i64, 2, 3]).unwrap();
    let run = |frame: DataFrame| TestRun::new().assets(assets![sum]).with("measured", frame);
    let outcome = run(frame.clone()).partition("north").partition("south").materialize("sum").unwrap();
    outcome.assert_success();
    assert_eq!(outcome.partition_object::<i64>("sum", "north"), 4);
    assert_eq!(outcome.partition_object::<i64>("sum", "south"), 2);
    let outcome = run(frame.head(Some(1))).partition("south").materialize("sum").unwrap();
    outcome.assert_failed("sum", ErrorKind::Missing);
}

#[test]
fn what_takes_sql_to_tell_apart_is_not_looked_for_in_columns() {
    #[asset(partitions = Day, partition_expr = "time::DATE", io_manager = "duckdb")]
    fn events() -> Result<DataFrame> {
        Ok(df!("n" => [1i64, 2])?)
    }

    #[asset(partitions = Day, partition_expr = "time::DATE", io_manager = "duckdb")]
    fn all_events(_days: &PartitionSet<Day>) -> Result<DataFrame> {
        Ok(df!("n" => [1i64, 2])?)
    }

    #[external_asset(io_manager = "duckdb", partition_expr = "year * 100 + month")]
    fn elsewhere() -> DataFrame;

    #[asset(partitions = Day)]
    fn counted(events: DataFrame, #[input(mapping = identity)] elsewhere: DataFrame) -> usize {
        events.height() + elsewhere.height()
    }

    let run = TestRun::new().assets(assets![counted]).with("elsewhere", df!("n" => [3i64]).unwrap());
    let outcome = run.partition("2023-01-01").materialize("events+").unwrap();
    assert_eq!(outcome.assert_success().partition_object::<usize>("counted", "2023-01-01"), 3);

    let run = || TestRun::new().assets(assets![all_events]);
    run().partition("2023-01-01").materialize("all_events").unwrap().assert_rows("all_events", 2);
    let outcome = run().partitions("2023-01-01..2023-01-02").materialize("all_events").unwrap();
    let failure = outcome.assert_failed("all_events", ErrorKind::Unsupported).failure("all_events").unwrap();
    let help = failure.help.as_deref().unwrap();
    assert!(help.contains("`Partitions<…>`") && !help.contains("partition_expr"), "{failure:?}");
}

#[test]
fn dynamic_sets_have_the_keys_that_the_test_says() {
    #[asset(partitions = Region)]
    fn name(region: Partition<Region>) -> String {
        region.to_uppercase()
    }

    let run = || TestRun::new().assets(assets![name]).partition("north");
    let outcome = run().add_partitions("testing_regions", ["north", "south"]).materialize("name").unwrap();
    assert_eq!(outcome.partition_object::<String>("name", "north"), "NORTH");
    assert_eq!(run().materialize("name").unwrap_err().kind(), ErrorKind::PartitionKey);
    assert!(run().add_partitions("regoins", ["north"]).materialize("name").unwrap_err().message().contains("regoins"));
}

#[test]
fn a_range_that_is_none_is_said() {
    let error = TestRun::new().assets(assets![rounded]).partitions("2023-01-01").materialize("rounded").unwrap_err();
    assert_eq!(error.message(), "`2023-01-01` is not a range of partitions");
}
