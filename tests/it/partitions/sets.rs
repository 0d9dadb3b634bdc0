//! Several keys in one run: one commit, and exactly these are replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lakewright::exec::PartitionChoice;
use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;
use tempfile::tempdir;

use super::{Sliced, dated, days, fixed, live_rows, numbered, rows};
use crate::support::open_delta;

#[test]
fn keys_with_gaps_and_ranges_are_one_commit() {
    let table = Sliced::new(days(), |asset| asset.partition_expr("day"));
    let day = |n: i64| format!("2023-01-{n:02}");
    let place = |n: i64| usize::try_from(n - 1).unwrap();
    let mut all: Vec<DataFrame> = (1..=20).map(|n| dated(&day(n), &[n])).collect();
    for (frame, n) in all.iter().zip(1..) {
        table.give(&day(n), frame.clone());
    }
    table.expect(&PartitionChoice::none().range(day(1), day(20)));
    assert_eq!((table.live(), table.version()), (rows(&all), 0));
    for n in [2, 3, 5, 11, 12, 19] {
        all[place(n)] = dated(&day(n), &[100 + n, 200 + n]);
        table.give(&day(n), all[place(n)].clone());
    }
    for n in [4, 13] {
        table.give(&day(n), dated(&day(n), &[-1]));
    }
    let report = table.expect(&PartitionChoice::none().range(day(2), day(3)).key(day(5)).range(day(11), day(12)).key(day(19)));
    assert_eq!((table.live(), table.version()), (rows(&all), 1), "one commit, and the gaps stay");
    let stored = report.materializations().next().unwrap();
    assert_eq!((stored.rows, stored.slice_rows, stored.table_rows), (Some(12), Some(12), Some(26)));
}

/// Three by three, each with its own rows.
fn board() -> (Sliced, impl Fn(&str, &str, i64) -> DataFrame) {
    let def = PartitionsDef::multi("Board", [("a", fixed(["x", "y", "z"])), ("b", fixed(["1", "2", "3"]))]).unwrap();
    let table = Sliced::new(def, |asset| asset.partition_exprs([("a", "a"), ("b", "b")]));
    let slice = |a: &str, b: &str, n: i64| df!("a" => [a], "b" => [b], "n" => [n]).unwrap();
    for a in ["x", "y", "z"] {
        for b in ["1", "2", "3"] {
            table.give(&format!("{a}|{b}"), slice(a, b, 0));
        }
    }
    table.expect(&PartitionChoice::all());
    (table, slice)
}

/// Replaces what is chosen, and expects exactly these pairs to have changed.
#[track_caller]
fn replaces(choice: &PartitionChoice, pairs: &[(&str, &str)]) {
    let (table, slice) = board();
    let mut all = Vec::new();
    for a in ["x", "y", "z"] {
        for b in ["1", "2", "3"] {
            table.give(&format!("{a}|{b}"), slice(a, b, 7));
            all.push(slice(a, b, if pairs.contains(&(a, b)) { 7 } else { 0 }));
        }
    }
    table.expect(choice);
    assert_eq!((table.live(), table.version()), (rows(&all), 1));
}

#[test]
fn sets_that_are_no_box() {
    let diagonal = [("x", "1"), ("y", "2"), ("z", "3")];
    replaces(&PartitionChoice::none().key("x|1").key("y|2").key("z|3"), &diagonal);
    replaces(
        &PartitionChoice::none().key("x|1").key("x|2").key("y|2").key("z|1"),
        &[("x", "1"), ("x", "2"), ("y", "2"), ("z", "1")],
    );
}

#[test]
fn a_choice_by_dimension() {
    replaces(&PartitionChoice::none().key("a=y"), &[("y", "1"), ("y", "2"), ("y", "3")]);
    replaces(&PartitionChoice::none().key("a=y").key("b=1").key("b=3"), &[("y", "1"), ("y", "3")]);
    replaces(&PartitionChoice::none().key("a=y").key("b=1").key("z|2"), &[("y", "1"), ("z", "2")]);
}

#[test]
fn bodies_are_called_once_for_each_key_or_once_for_all() {
    #[partitions(daily, start = "2023-01-01")]
    struct Day;
    static CALLS: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];

    fn frame(day: &str) -> PolarsResult<DataFrame> {
        df!("day" => [day], "n" => [1i64])?.lazy().with_column(col("day").cast(DataType::Date)).collect()
    }

    #[asset(io_manager = "delta", partitions = Day, partition_expr = "day")]
    fn each(day: Partition<Day>) -> PolarsResult<DataFrame> {
        CALLS[0].fetch_add(1, Ordering::SeqCst);
        frame(day.key())
    }

    #[asset(io_manager = "delta", partitions = Day, partition_expr = "day")]
    fn once(days: PartitionSet<Day>) -> Result<DataFrame> {
        CALLS[1].fetch_add(1, Ordering::SeqCst);
        let mut all = DataFrame::empty();
        // Not in the order of the days.
        for day in days.iter().collect::<Result<Vec<_>>>()?.iter().rev() {
            all = if all.width() == 0 { frame(day.key())? } else { all.vstack(&frame(day.key())?)? };
        }
        Ok(all)
    }

    #[asset(io_manager = "delta", partitions = Day, partition_expr = "day")]
    fn map(days: PartitionSet<Day>) -> Result<Partitions<Day, DataFrame>> {
        CALLS[2].fetch_add(1, Ordering::SeqCst);
        days.iter().map(|day| day.and_then(|day| Ok((day.clone(), frame(day.key())?)))).collect()
    }

    let root = tempdir().unwrap();
    let assets = Registry::of(assets![each, once, map]);
    let lakehouse = Lakehouse::builder().root(root.path()).registry(assets).build().unwrap();
    let choice = PartitionChoice::none().range("2023-01-02", "2023-01-04").key("2023-01-06");
    let report = lakehouse.materialize_for_blocking("*", &choice).unwrap();
    assert!(report.is_success(), "{:?}", report.failures().collect::<Vec<_>>());
    assert_eq!([0, 1, 2].map(|place| CALLS[place].load(Ordering::SeqCst)), [4, 1, 1]);
    let expected: Vec<DataFrame> = ["2023-01-02", "2023-01-03", "2023-01-04", "2023-01-06"].map(|day| frame(day).unwrap()).into();
    for name in ["each", "once", "map"] {
        let path = root.path().join("delta/public").join(name);
        assert_eq!((live_rows(&path), open_delta(&path).version()), (rows(&expected), Some(0)), "{name}");
    }
}

#[test]
fn a_map_with_a_key_too_few_or_too_many_stores_nothing() {
    #[partitions(keys = ["red", "blue", "green"])]
    struct Color;

    #[asset(io_manager = "delta", partitions = Color, partition_expr = "color")]
    fn colored(colors: PartitionSet<Color>) -> Result<Partitions<Color, DataFrame>> {
        let _ = colors;
        let pair = |color: &str| Ok((color.parse()?, df!("color" => [color], "n" => [1i64])?));
        ["red", "blue"].into_iter().map(pair).collect()
    }

    let root = tempdir().unwrap();
    let lakehouse = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![colored])).build().unwrap();
    let all = lakehouse.materialize_for_blocking("*", &PartitionChoice::all()).unwrap();
    assert!(all.failures().next().unwrap().1.message.contains("produced nothing for `green`"), "{all:?}");
    let one = lakehouse.materialize_for_blocking("*", &PartitionChoice::none().key("red")).unwrap();
    assert!(one.failures().next().unwrap().1.message.contains("which this step does not make"), "{one:?}");
    assert!(!root.path().join("delta/public/colored/_delta_log").exists());
    let two = lakehouse.materialize_for_blocking("*", &PartitionChoice::none().key("red").key("blue")).unwrap();
    assert!(two.is_success());
}

#[test]
fn three_hundred_keys_in_one_commit() {
    let table = Sliced::new(days(), |asset| asset.partition_expr("day").call_once());
    let choice = PartitionChoice::none().range("2023-01-01", "2023-10-27");
    let start: lakewright::jiff::civil::Date = "2023-01-01".parse().unwrap();
    let all = |n: i64| {
        let dates: Vec<String> = (0..300).map(|day| (start + lakewright::jiff::Span::new().days(day)).to_string()).collect();
        let frame = df!("day" => dates, "n" => vec![n; 300]).unwrap().lazy();
        frame.with_column(col("day").cast(DataType::Date)).collect().unwrap()
    };
    for n in [1, 2] {
        table.give("", all(n));
        table.expect(&choice);
        assert_eq!(table.live(), rows([&all(n)]));
    }
    assert_eq!((table.version(), table.stored().len()), (1, 300));
    let read = table.read_all().unwrap();
    assert!(read.equals(&all(2).select(["day", "n"]).unwrap()), "in the order of the days");
}

#[test]
fn a_large_slice_keeps_the_order_of_its_rows() {
    let table = Sliced::new(fixed(["red", "blue"]), |asset| asset.partition_expr("color"));
    let numbers: Vec<i64> = (0..300_000).map(|n| (n * 7919) % 300_007).collect();
    table.write("blue", numbered("color", "blue", &numbers));
    let read = table.read("blue").unwrap();
    assert_eq!(crate::support::integers(&read, "n"), numbers);
}

#[test]
fn what_is_handed_over_is_what_would_be_read() {
    let seen: Arc<std::sync::Mutex<Vec<Vec<i64>>>> = Arc::default();
    let reader = |def: PartitionsDef, seen: Arc<std::sync::Mutex<Vec<Vec<i64>>>>| {
        let asset = lakewright::AssetBuilder::new("reader", ValueKind::Table).partitions(def).partition_expr("at").call_once();
        let body = asset.input("t").body(move |mut call| {
            let seen = Arc::clone(&seen);
            async move {
                let frame: DataFrame = call.frame("t")?;
                seen.lock().unwrap().push(crate::support::integers(&frame, "n"));
                call.produce_frame(frame)
            }
        });
        body.unwrap()
    };
    let table = Sliced::with(days(), |asset| asset.partition_expr("at").call_once(), [reader(days(), Arc::clone(&seen))]);
    let day = |day: &str, n: i64| dated(day, &[n]);
    let frame = day("2023-01-02", 2).vstack(&day("2023-01-01", 1)).unwrap().lazy();
    let frame = frame.select([col("day").cast(DataType::Datetime(TimeUnit::Microseconds, None)).alias("at"), col("n")]);
    table.give("", frame.collect().unwrap());
    let choice = PartitionChoice::none().range("2023-01-01", "2023-01-02");
    for selection in ["*", "reader"] {
        let report = table.lakehouse.materialize_for_blocking(selection, &choice).unwrap();
        assert!(report.is_success(), "{:?}", report.failures().collect::<Vec<_>>());
    }
    assert_eq!(*seen.lock().unwrap(), [[1, 2], [1, 2]], "in the order of keys, from memory and from the store");
}
