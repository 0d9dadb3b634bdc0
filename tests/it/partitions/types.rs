//! Columns of every type that can tell partitions apart: the literal has the type of the column.

use lakewright::ErrorKind;
use lakewright::exec::PartitionChoice;
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::prelude::*;

use super::{Sliced, assert_kind, dated, days, fixed, rows, windows};

/// Each of `keys` with rows of its own in the column `p` of this type; then each replaced alone.
#[track_caller]
fn each_alone(def: PartitionsDef, keys: &[&str], slice: impl Fn(&str, i64) -> DataFrame) -> Sliced {
    let table = Sliced::new(def, |asset| asset.partition_expr("p"));
    let mut all: Vec<DataFrame> = keys.iter().zip(0..).map(|(key, n)| slice(key, n)).collect();
    table.write_all(keys.iter().copied().zip(all.iter().cloned()));
    assert_eq!(table.version(), 0);
    for (place, key) in keys.iter().enumerate() {
        all[place] = slice(key, 100 + i64::try_from(place).unwrap());
        table.write(key, all[place].clone());
        let numbers = |frames: &[DataFrame]| {
            let mut numbers: Vec<i64> = frames.iter().flat_map(|frame| crate::support::integers(frame, "n")).collect();
            numbers.sort_unstable();
            numbers
        };
        let live: Vec<String> = table.live().iter().map(|row| row.split(' ').next().unwrap().to_owned()).collect();
        let mut expected: Vec<String> = numbers(&all).iter().map(|n| format!("n={n}")).collect();
        expected.sort_unstable();
        assert_eq!(live, expected, "only `{key}` is replaced");
        let mut stored = table.stored();
        stored.sort_unstable();
        let mut wanted = keys.to_vec();
        wanted.sort_unstable();
        assert_eq!(stored, wanted);
    }
    for (place, key) in keys.iter().enumerate() {
        assert_eq!(rows([&table.read(key).unwrap()]), rows([&all[place]]), "`{key}` reads its own rows");
    }
    table
}

/// Rows whose `p` is the text cast to this type.
fn cast_slice(data_type: DataType) -> impl Fn(&str, i64) -> DataFrame {
    move |key, n| {
        let frame = df!("p" => [key, key], "n" => [n, n + 1000]).unwrap().lazy();
        frame.with_column(col("p").strict_cast(data_type.clone())).collect().unwrap()
    }
}

#[test]
fn text_numbers_dates_and_bools_with_static_keys() {
    each_alone(fixed(["b", "a"]), &["a", "b"], cast_slice(DataType::String));
    for number in [DataType::Int8, DataType::Int16, DataType::Int32, DataType::Int64, DataType::UInt32] {
        each_alone(fixed(["7", "70"]), &["7", "70"], cast_slice(number));
    }
    each_alone(fixed(["-7", "7"]), &["7", "-7"], cast_slice(DataType::Int64));
    let truth = |key: &str, n: i64| df!("p" => [key == "true"], "n" => [n]).unwrap();
    each_alone(fixed(["true", "false"]), &["true", "false"], truth);
    let table = each_alone(fixed(["2023-01-02", "2023-01-01"]), &["2023-01-01", "2023-01-02"], cast_slice(DataType::Date));
    assert_eq!(table.partition_columns(), ["p"]);
}

/// Microseconds since 1970 as a timestamp column, with or without a zone.
fn stamped(starts: &[i64], zone: Option<&str>, n: i64) -> DataFrame {
    let numbers: Vec<i64> = (n..).take(starts.len()).collect();
    let frame = df!("p" => starts, "n" => numbers).unwrap().lazy();
    let zone = zone.map(|zone| TimeZone::opt_try_new(Some(zone)).unwrap().unwrap());
    frame.with_column(col("p").cast(DataType::Datetime(TimeUnit::Microseconds, zone))).collect().unwrap()
}

#[test]
fn static_keys_over_timestamps() {
    let starts = |key: &str| key.parse::<lakewright::jiff::Timestamp>().unwrap().as_microsecond();
    let keys = ["2023-01-02T00:00:00Z", "2023-01-01T00:00:00.5Z"];
    each_alone(fixed(keys), &keys, |key, n| stamped(&[starts(key)], Some("UTC"), n));
}

#[test]
fn static_keys_that_are_one_moment_are_refused() {
    let table = Sliced::new(fixed(["2023-01-01T00:00:00Z", "2023-01-01T01:00:00+01:00"]), |asset| asset.partition_expr("p"));
    table.give("2023-01-01T00:00:00Z", stamped(&[1_672_531_200_000_000], Some("UTC"), 1));
    table.give("2023-01-01T01:00:00+01:00", stamped(&[1_672_531_200_000_000], Some("UTC"), 1));
    let choice = PartitionChoice::all();
    table.refuse_all(&choice);
}

/// The windows of a definition as keys with the microseconds at which they begin and end.
fn spans(def: &PartitionsDef, keys: std::ops::Range<u64>, wall_clock: bool) -> Vec<(String, i64, i64)> {
    let lakewright::partition::DimensionDef::Time(time) = &def.dimensions()[0].def else { panic!("windows of time") };
    let utc = lakewright::jiff::tz::TimeZone::UTC;
    // Of the last microsecond before and one more, so that a jump ahead belongs to the window that it leads to.
    let civil = |at: lakewright::jiff::Timestamp| {
        let microsecond = lakewright::jiff::SignedDuration::from_micros(1);
        let before = time.time_zone().to_datetime(at - microsecond) + microsecond;
        before.to_zoned(utc.clone()).unwrap().timestamp()
    };
    keys.map(|ordinal| {
        let window = time.window(ordinal).unwrap();
        let (start, end) = if wall_clock { (civil(window.start), civil(window.end)) } else { (window.start, window.end) };
        (time.key(ordinal).unwrap(), start.as_microsecond(), end.as_microsecond())
    })
    .collect()
}

/// Each window with its first and its last microsecond.
fn windowed(def: PartitionsDef, keys: std::ops::Range<u64>, zone: Option<&str>) -> Sliced {
    let spans = spans(&def, keys, zone.is_none());
    let names: Vec<&str> = spans.iter().map(|(key, ..)| key.as_str()).collect();
    each_alone(def, &names, |key, n| {
        let (_, start, end) = spans.iter().find(|(name, ..)| name == key).unwrap();
        stamped(&[*start, *end - 1], zone, 10 * n)
    })
}

#[test]
fn timestamps_with_and_without_a_zone() {
    let table = windowed(days(), 0..3, Some("UTC"));
    assert_eq!(table.partition_columns(), Vec::<String>::new(), "a folder for each instant would be too many");
    windowed(days(), 0..3, None);
    let berlin = || PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap().zone("Europe/Berlin").unwrap());
    windowed(berlin(), 0..3, Some("UTC"));
    windowed(berlin(), 0..3, None);
    windowed(berlin(), 0..3, Some("America/Los_Angeles"));
}

fn los_angeles(every: Every, start: &str) -> PartitionsDef {
    PartitionsDef::time("Local", TimeDef::new(every, start).unwrap().zone("America/Los_Angeles").unwrap())
}

#[test]
fn every_hour_of_the_days_on_which_clocks_change() {
    let autumn = los_angeles(Every::Hour, "2022-11-06");
    let keys: Vec<String> = spans(&autumn, 0..25, false).into_iter().map(|(key, ..)| key).collect();
    assert_eq!((keys[1].as_str(), keys[2].as_str()), ("2022-11-06-01:00", "2022-11-06-01:00-0800"));
    assert_eq!(keys[24], "2022-11-06-23:00", "25 hours");
    windowed(autumn, 0..5, Some("UTC"));
    let spring = los_angeles(Every::Hour, "2023-03-12");
    assert_eq!(spans(&spring, 22..23, false)[0].0, "2023-03-12-23:00", "23 hours");
    windowed(spring, 0..4, Some("America/Los_Angeles"));
}

#[test]
fn wall_clocks_cannot_tell_the_hours_that_come_twice() {
    let table = Sliced::new(los_angeles(Every::Hour, "2022-11-06"), |asset| asset.partition_expr("p"));
    let nine = stamped(&[1_667_698_200_000_000], None, 1);
    table.write("2022-11-06-00:00", stamped(&[1_667_694_600_000_000], None, 1));
    for key in ["2022-11-06-01:00", "2022-11-06-01:00-0800"] {
        let failure = table.refuse(key, nine.clone());
        assert_kind(&failure, ErrorKind::PartitionKey, &["wall clock repeats", "`p`", "give the column a time zone"]);
    }
    let after = spans(&los_angeles(Every::Hour, "2022-11-06"), 3..4, true).remove(0);
    table.write(&after.0, stamped(&[after.1], None, 5));
    assert_eq!(table.live().len(), 2);
    // A day has both of them, so it can be told from its neighbours.
    windowed(los_angeles(Every::Day, "2022-11-05"), 0..3, None);
}

#[test]
fn a_day_that_begins_at_one_o_clock_keeps_its_neighbours() {
    let zone = |every| TimeDef::new(every, "2017-10-13").unwrap().zone("America/Sao_Paulo").unwrap();
    let days = || PartitionsDef::time("Day", zone(Every::Day));
    let keys = ["2017-10-14", "2017-10-15", "2017-10-16"];
    each_alone(days(), &keys, cast_slice(DataType::Date));
    windowed(days(), 0..4, None);
    windowed(PartitionsDef::time("Hour", zone(Every::Hour)), 22..28, Some("UTC"));
}

#[test]
fn windows_over_text_and_integers_are_equal_to_the_key() {
    each_alone(days(), &["2023-01-01", "2023-01-02"], cast_slice(DataType::String));
    let compact = TimeDef::new(Every::Day, "2023-01-01").unwrap().format("%Y%m%d").unwrap();
    let def = || PartitionsDef::time("Compact", compact.clone());
    each_alone(def(), &["20230101", "20230102"], cast_slice(DataType::Int64));
    each_alone(def(), &["20230101", "20230102"], cast_slice(DataType::Int32));
}

#[test]
fn weeks_and_months_of_dates() {
    for (every, keys) in [(Every::Month(1), ["2023-01-01", "2023-02-01"]), (Every::Week(0), ["2023-01-01", "2023-01-08"])] {
        let in_window = |key: &str, n: i64| {
            let later = key.replace("-01-01", "-01-07").replace("-02-01", "-02-28").replace("-01-08", "-01-14");
            dated(key, &[n]).vstack(&dated(&later, &[n + 1000])).unwrap().lazy().rename(["day"], ["p"], true).collect().unwrap()
        };
        each_alone(windows(every, "2023-01-01"), &keys, in_window);
    }
}

#[test]
fn a_timestamp_dimension_makes_folders_only_if_the_asset_asks() {
    let def = PartitionsDef::multi("Named", [("day", days())]).unwrap();
    let table = Sliced::new(def, |asset| asset.partition_exprs([("day", "p")]).partition_by(["day"]));
    let at = |day: i64| 1_672_531_200_000_000 + day * 86_400_000_000;
    table.write("2023-01-01", stamped(&[at(0), at(0) + 1, at(0)], Some("UTC"), 1));
    table.write("2023-01-02", stamped(&[at(1)], Some("UTC"), 10));
    table.write("2023-01-01", stamped(&[at(0) + 5, at(1) - 1], Some("UTC"), 20));
    assert_eq!(table.partition_columns(), ["p"]);
    assert_eq!(crate::support::integers(&table.read("2023-01-02").unwrap(), "n"), [10]);
    let first = table.read("2023-01-01").unwrap();
    assert_eq!(rows([&first]), rows([&stamped(&[at(0) + 5, at(1) - 1], Some("UTC"), 20)]), "also in files without a row of it");
    assert_eq!(table.live().len(), 3);
}

#[test]
fn a_static_dimension_may_stay_out_of_the_folders() {
    let def = PartitionsDef::multi("Both", [("color", fixed(["red", "blue"])), ("size", fixed(["1", "2"]))]).unwrap();
    let columns = [("color", "color"), ("size", "size")];
    let table = Sliced::new(def, |asset| asset.partition_exprs(columns).partition_by(["size"]));
    let slice = |color: &str, size: i64, n: i64| df!("color" => [color], "size" => [size], "n" => [n]).unwrap();
    table.write_all([("red|1", slice("red", 1, 1)), ("blue|1", slice("blue", 1, 2)), ("red|2", slice("red", 2, 3))]);
    table.write("blue|1", slice("blue", 1, 20));
    assert_eq!(table.partition_columns(), ["size"]);
    assert_eq!(table.live(), rows([&slice("red", 1, 1), &slice("blue", 1, 20), &slice("red", 2, 3)]));
}

#[test]
fn a_key_that_is_no_value_of_the_column_is_refused_before_anything_is_written() {
    for (key, data_type) in
        [("x", DataType::Int64), ("007", DataType::Int32), ("yes", DataType::Boolean), ("1.0", DataType::Int64)]
    {
        let table = Sliced::new(fixed([key]), |asset| asset.partition_expr("p"));
        let frame = df!("p" => [1i64], "n" => [1i64]).unwrap().lazy().with_column(col("p").cast(data_type)).collect().unwrap();
        let failure = table.refuse(key, frame);
        assert_kind(&failure, ErrorKind::PartitionKey, &[&format!("`{key}` cannot be a value of the column `p`")]);
        assert_eq!(crate::support::files_below(&table.path()), Vec::<std::path::PathBuf>::new());
    }
    let table = Sliced::new(fixed(["1.5"]), |asset| asset.partition_expr("p"));
    let failure = table.refuse("1.5", df!("p" => [1.5], "n" => [1i64]).unwrap());
    assert_kind(&failure, ErrorKind::Schema, &["the column `p` is `f64`"]);
}
