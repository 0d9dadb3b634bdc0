//! What a body is handed of a partitioned upstream.

use std::sync::{Arc, Mutex};

use lakewright::asset::Input;
use lakewright::event::EventKind;
use lakewright::exec::{PartitionChoice, RunReport};
use lakewright::partition::{Every, Mapping, PartitionsDef};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, ErrorKind};

use super::{Sliced, assert_kind, dated, days, fixed, numbered, rows, windows};
use crate::support::{block_on, integers, key};

/// What readers saw: the text of their partition, and for each input partition (or the whole) its key and numbers.
type Seen = Arc<Mutex<Vec<(String, Vec<(String, Vec<i64>)>)>>>;

/// Reads `t` and remembers the numbers; stores nothing of interest.
fn reader(def: Option<PartitionsDef>, input: Input, seen: &Seen, each: bool) -> AssetSpec {
    let seen = Arc::clone(seen);
    let mut asset = AssetBuilder::new("reader", ValueKind::Object).io_manager("memory");
    if let Some(def) = def {
        asset = asset.partitions(def);
    }
    let input = if each { input.per_partition() } else { input };
    let body = asset.input(input.named("up")).body(move |call| {
        let seen = Arc::clone(&seen);
        call.blocking(move |mut call| {
            let made = call.partition_key().map(|key| key.to_string()).unwrap_or_default();
            let frames: Vec<(String, DataFrame)> = if each {
                call.frames("up")?.into_iter().map(|(key, frame)| (key.to_string(), frame)).collect()
            } else if call.has("up") {
                vec![(String::new(), call.frame("up")?)]
            } else {
                Vec::new()
            };
            let numbers = frames.into_iter().map(|(key, frame)| {
                let numbers = if frame.width() == 0 { Vec::new() } else { integers(&frame, "n") };
                (key, numbers)
            });
            seen.lock().unwrap().push((made, numbers.collect()));
            call.produce_object(1)
        })
    });
    body.unwrap()
}

/// Days 1 to 5 of a date column, each with its number, read by an asset in this way.
fn read_days(def: Option<PartitionsDef>, input: Input, each: bool) -> (Sliced, Seen) {
    let seen = Seen::default();
    let table = Sliced::with(days(), |asset| asset.partition_expr("day"), [reader(def, input, &seen, each)]);
    for n in [3, 1, 5, 2, 4] {
        table.write(&format!("2023-01-0{n}"), dated(&format!("2023-01-0{n}"), &[n, 10 * n]));
    }
    (table, seen)
}

fn run(table: &Sliced, choice: &PartitionChoice) -> RunReport {
    table.lakehouse.materialize_for_blocking("reader", choice).unwrap()
}

fn day(n: i64) -> String {
    format!("2023-01-0{n}")
}

fn one(numbers: &[i64]) -> Vec<(String, Vec<i64>)> {
    vec![(String::new(), numbers.to_vec())]
}

fn each(days: &[i64]) -> Vec<(String, Vec<i64>)> {
    days.iter().map(|n| (day(*n), vec![*n, 10 * n])).collect()
}

/// Expects what the reader of one partition sees.
#[track_caller]
fn sees(
    def: Option<PartitionsDef>,
    input: Input,
    per_partition: bool,
    choice: &PartitionChoice,
    expected: &[(String, Vec<i64>)],
) {
    let (table, seen) = read_days(def, input, per_partition);
    let report = run(&table, choice);
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    assert_eq!(seen.lock().unwrap()[0].1, expected);
}

#[test]
fn mappings_pick_partitions_in_the_order_of_keys() {
    let third = || PartitionChoice::none().key(day(3));
    let offset = |start, end| Input::of("t").mapping(Mapping::Offset { start, end });
    sees(Some(days()), Input::of("t"), false, &third(), &one(&[3, 30]));
    sees(Some(days()), Input::of("t"), true, &third(), &each(&[3]));
    sees(Some(days()), offset(-1, -1), false, &third(), &one(&[2, 20]));
    sees(Some(days()), offset(-2, 0), false, &third(), &one(&[1, 10, 2, 20, 3, 30]));
    sees(Some(days()), offset(-2, 0), true, &third(), &each(&[1, 2, 3]));
    sees(None, Input::of("t"), false, &PartitionChoice::none(), &one(&[1, 10, 2, 20, 3, 30, 4, 40, 5, 50]));
    sees(None, Input::of("t"), true, &PartitionChoice::none(), &each(&[1, 2, 3, 4, 5]));
}

#[test]
fn mappings_by_key_and_by_time() {
    let third = || PartitionChoice::none().key(day(3));
    let keys = Mapping::Keys(vec![day(4), day(2)]);
    sees(None, Input::of("t").mapping(keys.clone()), false, &PartitionChoice::none(), &one(&[2, 20, 4, 40]));
    sees(Some(days()), Input::of("t").mapping(keys), true, &third(), &each(&[2, 4]));
    let map = Mapping::Map(vec![("x".to_owned(), vec![day(5), day(1)])]);
    sees(Some(fixed(["x"])), Input::of("t").mapping(map), false, &PartitionChoice::none().key("x"), &one(&[1, 10, 5, 50]));
    let months = windows(Every::Month(1), "2023-01-01");
    let some = Input::of("t").allow_missing();
    sees(Some(months), some, true, &PartitionChoice::none().key("2023-01-01"), &each(&[1, 2, 3, 4, 5]));
}

#[test]
fn columns_without_the_partition_column() {
    sees(Some(days()), Input::of("t").columns(["n"]), false, &PartitionChoice::none().key(day(2)), &one(&[2, 20]));
    sees(None, Input::of("t").columns(["n"]), true, &PartitionChoice::none(), &each(&[1, 2, 3, 4, 5]));
}

#[test]
fn what_is_missing_is_named_or_left_out_with_an_event() {
    let offset = || Input::of("t").mapping(Mapping::Offset { start: -1, end: 1 });
    let (table, seen) = read_days(Some(days()), offset(), true);
    let report = run(&table, &PartitionChoice::none().key(day(5)));
    let failure = report.failures().next().unwrap().1;
    assert_kind(failure, ErrorKind::Missing, &["1 of 3 partitions of `t` are missing: `2023-01-06`", "allow_missing"]);
    assert!(seen.lock().unwrap().is_empty(), "the body does not run");

    let (table, seen) = read_days(Some(days()), offset().allow_missing(), true);
    assert!(run(&table, &PartitionChoice::none().key(day(5))).is_success());
    assert_eq!(seen.lock().unwrap()[0].1, each(&[4, 5]));
    let missing = table.events().into_iter().find_map(|kind| match kind {
        EventKind::InputMissing { partitions, .. } => partitions,
        _ => None,
    });
    assert_eq!(missing.unwrap().to_string(), "v1:[2023-01-06]");
}

#[test]
fn an_empty_day_is_there_and_empty() {
    let (table, seen) = read_days(Some(days()), Input::of("t"), true);
    table.write(&day(2), dated(&day(2), &[]));
    assert!(run(&table, &PartitionChoice::none().key(day(2))).is_success());
    assert_eq!(seen.lock().unwrap()[0].1, [(day(2), Vec::new())]);
}

#[test]
fn the_order_of_static_keys_is_that_of_their_declaration() {
    let table = Sliced::new(fixed(["c", "a", "b"]), |asset| asset.partition_expr("k"));
    for (n, key) in ["a", "b", "c"].into_iter().enumerate() {
        table.write(key, numbered("k", key, &[i64::try_from(n).unwrap()]));
    }
    assert_eq!(integers(&table.read_all().unwrap(), "n"), [2, 0, 1]);
    assert_eq!(table.stored(), ["c", "a", "b"]);
}

#[test]
fn hours_of_a_day_in_a_map_of_twenty_four() {
    let hours = windows(Every::Hour, "2023-01-01");
    let seen = Seen::default();
    let table =
        Sliced::with(hours, |asset| asset.partition_expr("at").call_once(), [reader(Some(days()), Input::of("t"), &seen, true)]);
    let start = 1_672_531_200_000_000_i64;
    let at: Vec<i64> = (0..48).map(|hour| start + hour * 3_600_000_000).collect();
    let frame = df!("at" => at, "n" => (0..48i64).collect::<Vec<_>>()).unwrap().lazy();
    table.give("", frame.with_column(col("at").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap());
    table.expect(&PartitionChoice::none().range("2023-01-01-00:00", "2023-01-02-23:00"));
    assert_eq!(table.version(), 0);
    assert!(run(&table, &PartitionChoice::none().key(day(2))).is_success());
    let expected: Vec<(String, Vec<i64>)> = (0..24).map(|hour| (format!("2023-01-02-{hour:02}:00"), vec![24 + hour])).collect();
    assert_eq!(seen.lock().unwrap()[0].1, expected);
}

#[test]
fn an_earlier_partition_of_oneself() {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let asset = AssetBuilder::new("sum", ValueKind::Table).partitions(days()).partition_expr("day");
    let asset = asset.input(Input::previous("sum").named("before")).body(move |call| {
        let kept = Arc::clone(&kept);
        call.blocking(move |mut call| {
            let made = call.partition_key()?.to_string();
            let before = if call.has("before") { integers(&call.frame::<DataFrame>("before")?, "n") } else { Vec::new() };
            kept.lock().unwrap().push((made.clone(), one(&before)));
            call.produce_frame(dated(&made, &[before.iter().sum::<i64>() + 1]))
        })
    });
    let house = Sliced::with(days(), |asset| asset.partition_expr("day"), [asset.unwrap()]).lakehouse;
    let run = |choice: PartitionChoice| house.materialize_for_blocking("sum", &choice).unwrap();
    assert!(run(PartitionChoice::none().range(day(1), day(3))).is_success());
    let expected: Vec<_> = [(1, vec![]), (2, vec![1]), (3, vec![2])].map(|(n, before)| (day(n), one(&before))).into();
    assert_eq!(*seen.lock().unwrap(), expected, "the first gets nothing, the others what this run has just made");
    let gap = run(PartitionChoice::none().key(day(5)));
    assert_kind(gap.failures().next().unwrap().1, ErrorKind::Missing, &["the partition `2023-01-04` of `sum` is missing"]);
}

#[test]
fn several_dimensions_and_one_and_back() {
    let both = || PartitionsDef::multi("Both", [("date", days()), ("color", fixed(["red", "blue"]))]).unwrap();
    let seen = Seen::default();
    let table = Sliced::with(
        both(),
        |asset| asset.partition_exprs([("date", "day"), ("color", "color")]),
        [reader(Some(fixed(["red", "blue"])), Input::of("t").allow_missing(), &seen, true)],
    );
    let slice = |color: &str, n: i64| dated(&day(n), &[n]).lazy().with_column(lit(color).alias("color")).collect().unwrap();
    let all = [("red", 1), ("red", 2), ("blue", 2)];
    let keys: Vec<(String, DataFrame)> = all.map(|(color, n)| (format!("{color}|{}", day(n)), slice(color, n))).into();
    table.write_all(keys.iter().map(|(key, frame)| (key.as_str(), frame.clone())));
    assert!(run(&table, &PartitionChoice::none().key("red")).is_success());
    assert_eq!(seen.lock().unwrap()[0].1, [("red|2023-01-01".to_owned(), vec![1]), ("red|2023-01-02".to_owned(), vec![2])]);

    let seen = Seen::default();
    let single = Sliced::with(days(), |asset| asset.partition_expr("day"), [reader(Some(both()), Input::of("t"), &seen, false)]);
    single.write(&day(2), dated(&day(2), &[2]));
    let choice = PartitionChoice::none().key("red|2023-01-02").key("blue|2023-01-02");
    assert!(run(&single, &choice).is_success());
    assert_eq!(seen.lock().unwrap().iter().map(|(_, seen)| seen.clone()).collect::<Vec<_>>(), [one(&[2]), one(&[2])]);
}

#[test]
fn a_table_cut_by_its_column_and_a_table_for_each_partition() {
    let seen = Seen::default();
    let frame = df!("color" => ["blue", "red", "blue"], "n" => [1i64, 2, 3]).unwrap();
    let whole = AssetBuilder::new("t", ValueKind::Table).partition_expr("color");
    let whole = whole.body(move |call| {
        let frame = frame.clone();
        async move { call.produce_frame(frame) }
    });
    let root = tempfile::tempdir().unwrap();
    let assets = [whole.unwrap(), reader(Some(fixed(["red", "blue"])), Input::of("t").mapping(Mapping::Identity), &seen, false)];
    let house = crate::support::lakehouse(&root, assets).build().unwrap();
    let report = house.materialize_for_blocking("*", &PartitionChoice::none().key("blue")).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    assert_eq!(seen.lock().unwrap()[0].1, one(&[1, 3]));

    let def = PartitionsDef::multi("Nested", [("z", fixed(["1", "2"])), ("a", fixed(["x", "y"]))]).unwrap();
    let table = Sliced::new(def, |asset| asset);
    let slice = |n: i64| df!("n" => [n]).unwrap();
    table.write_all([("x|1", slice(1)), ("y|2", slice(2))]);
    assert_eq!(super::live_rows(&table.path().join("x/1")), rows([&slice(1)]), "nested, sorted by the names of the dimensions");
    assert_eq!(table.stored(), ["x|1", "y|2"]);
    table.write("x|1", slice(10));
    assert_eq!(integers(&table.read_all().unwrap(), "n"), [10, 2]);
    assert_eq!(crate::support::open_delta(&table.path().join("x/1")).version(), Some(1));
    assert!(block_on(table.lakehouse.load_partition(&key("t"), "x|2")).unwrap().is_none());
}

#[test]
fn one_upstream_twice_and_an_old_version() {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let asset = AssetBuilder::new("reader", ValueKind::Object).io_manager("memory").partitions(days());
    let asset = asset.input(Input::of("t").named("now")).input(Input::of("t").named("all").mapping(Mapping::All));
    let asset = asset.input(Input::of("t").named("old").version(0)).body(move |call| {
        let kept = Arc::clone(&kept);
        call.blocking(move |mut call| {
            for name in ["now", "all", "old"] {
                let numbers = integers(&call.frame::<DataFrame>(name)?, "n");
                kept.lock().unwrap().push((name.to_owned(), one(&numbers)));
            }
            call.produce_object(1)
        })
    });
    let table = Sliced::with(days(), |asset| asset.partition_expr("day"), [asset.unwrap()]);
    for (n, day_of) in [(1, 2), (2, 1), (3, 2)] {
        table.write(&day(day_of), dated(&day(day_of), &[n]));
    }
    let report = run(&table, &PartitionChoice::none().key(day(2)));
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    let expected =
        [("now", vec![3]), ("all", vec![2, 3]), ("old", vec![1])].map(|(name, numbers)| (name.to_owned(), one(&numbers)));
    assert_eq!(*seen.lock().unwrap(), expected);
    let (later, _) = read_days(Some(days()), Input::of("t").version(9), false);
    let report = run(&later, &PartitionChoice::none().key(day(2)));
    assert_kind(report.failures().next().unwrap().1, ErrorKind::Missing, &["has no version 9", "newest version is 4"]);
}
