//! Sections 3 to 5, for partitions that `partition_expr` tells apart by the values of columns.

use polars::prelude::{DataFrame, DataType, NamedFrom, Series, StringMethods, TimeUnit, TimeZone, df};

use super::{frame, rows_of};
use crate::asset::{AssetBuilder, AssetSpec, Mode, ValueKind};
use crate::conformance::bench::{Bench, by_hand, id, keys};
use crate::conformance::breach::{Breach, Verdict, refused};
use crate::conformance::commits::joined_or_breach;
use crate::conformance::content::Content;
use crate::conformance::places::HOSTILE;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::io::{CommitState, Committed};
use crate::partition::{Every, KeySet, PartitionsDef, TimeDef};
use crate::slice::Slice;
use crate::value::Value;

/// An asset whose partitions are told apart by columns, and what makes rows of them.
pub(super) struct Sliced {
    pub(super) asset: AssetSpec,
    pub(super) all: KeySet,
    rows: Rows,
}

/// Makes the rows of a partition with this text, all of them with this number.
type Rows = Box<dyn Fn(&str, i64) -> Verdict<DataFrame> + Send + Sync>;

impl Sliced {
    pub(super) fn new(bench: &Bench, builder: AssetBuilder, def: PartitionsDef, rows: Rows) -> Verdict<Self> {
        let all = bench.space(&def)?.all();
        Ok(Self { asset: by_hand(builder.partitions(def))?, all, rows })
    }

    pub(super) fn slice(&self, names: &[&str]) -> Verdict<Slice> {
        Ok(keys(self.all.space(), names)?.slice())
    }

    pub(super) fn rows(&self, name: &str, n: i64) -> Verdict<DataFrame> {
        (self.rows)(name, n)
    }

    /// Stores each of these partitions with its number, as one commit.
    pub(super) async fn put(&self, bench: &Bench, parts: &[(&str, i64)], number: i64) -> Verdict<Result<Committed>> {
        let mut staged = Vec::new();
        for (name, n) in parts {
            let value = Value::Table(self.rows(name, *n)?.into_table());
            staged.push(bench.stage(&self.asset, &self.slice(&[name])?, value).await?);
        }
        let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
        let slice = self.slice(&names)?;
        let committed = bench.commit(&self.asset, &slice, &staged, number).await;
        if committed.is_err() {
            bench.store.discard(bench.request(&self.asset, &slice), staged).await?;
        }
        Ok(committed)
    }

    /// Refuses unless exactly these partitions are there, each with the rows of these numbers.
    pub(super) async fn expect(&self, bench: &Bench, wanted: &[(&str, &[i64])], when: &str) -> Verdict {
        let mut everything = Vec::new();
        let mut there = Vec::new();
        for key in self.all.keys() {
            let name = key.to_string();
            let mut rows = Vec::new();
            let numbers = wanted.iter().find(|(wanted, _)| *wanted == name).map(|(_, numbers)| *numbers);
            for n in numbers.unwrap_or_default() {
                rows.extend(rows_of(&self.rows(&name, *n)?)?);
            }
            everything.extend(rows.clone());
            let slice = self.slice(&[&name])?;
            if numbers.is_some() {
                there.push(name.clone());
                bench.expect(&self.asset, &slice, Some(Content::Rows(rows)), when).await?;
            } else if let Some(Content::Rows(rows)) = bench.get(&self.asset, &slice).await? {
                // One table cannot but say that there are no rows.
                ensure!(rows.is_empty(), "{when}, `{name}` was never stored, and has {rows:?}");
            }
        }
        let present = bench.present(&self.asset, &self.all).await?;
        ensure!(present == there, "{when}, `present` has to name {there:?}, and names {present:?}");
        let names: Vec<&str> = there.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(());
        }
        let all = self.slice(&names)?;
        bench.expect(&self.asset, &all, Some(Content::Rows(everything)), when).await?;
        let described = bench.describe(&self.asset, &all).await?;
        ensure!(described.exists, "{when}, `describe` says that the partitions {names:?} do not exist");
        Ok(())
    }
}

fn lists(name: &str, kind: &[&str], number: i64) -> Verdict<DataFrame> {
    let rows = kind.len();
    Ok(df!("kind" => kind, "n" => vec![number; rows], "text" => vec![format!("{name} {number}"); rows]).map_err(Error::from)?)
}

pub(super) const COLORS: [&str; 4] = ["red", "green", "blue", "grey"];

/// Colors in a column of text.
pub(super) fn colors(bench: &Bench, mode: Mode) -> Verdict<Sliced> {
    let builder = AssetBuilder::new("colors", ValueKind::Table).partition_expr("kind").mode(mode);
    Sliced::new(bench, builder, PartitionsDef::fixed("Color", COLORS)?, Box::new(|name, n| lists(name, &[name, name], n)))
}

pub(super) async fn static_slices_are_replaced_alone(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.expect(bench, &[], "before anything was stored").await?;
    colors.put(bench, &[("red", 1)], 1).await??;
    colors.expect(bench, &[("red", &[1])], "after `red` was stored").await?;
    colors.put(bench, &[("blue", 2)], 1).await??;
    colors.put(bench, &[("red", 3)], 2).await??;
    colors.expect(bench, &[("red", &[3]), ("blue", &[2])], "after `red`, `blue` and `red` again were stored").await?;
    let again = colors.put(bench, &[("red", 3)], 2).await??;
    ensure!(again.already, "another attempt at a commit of a slice does not say that it had landed");
    let outcome = colors.put(bench, &[("red", 9)], 1).await?;
    refused(outcome, &[ErrorKind::Superseded], "commit 1 of the slice `red` after commit 2")?;
    colors.expect(bench, &[("red", &[3]), ("blue", &[2])], "after an older commit of a slice was refused").await
}

pub(super) async fn hostile_keys_are_values(bench: &Bench) -> Verdict {
    let names: Vec<&str> = HOSTILE.iter().copied().chain(["a/b", "/", "../a"]).collect();
    let builder = AssetBuilder::new("hostile", ValueKind::Table).partition_expr("kind");
    let def = PartitionsDef::fixed("Hostile", &names)?;
    let hostile = Sliced::new(bench, builder, def, Box::new(|name, n| lists("row", &[name], n)))?;
    let parts: Vec<(&str, i64)> = names.iter().copied().zip(1..).collect();
    hostile.put(bench, &parts, 1).await??;
    hostile.put(bench, &[("..", 77), ("a\"b", 78)], 1).await??;
    let numbers: Vec<[i64; 1]> = parts
        .iter()
        .map(|(name, n)| {
            [match *name {
                ".." => 77,
                "a\"b" => 78,
                _ => *n,
            }]
        })
        .collect();
    let wanted: Vec<(&str, &[i64])> = names.iter().copied().zip(numbers.iter().map(|n| &n[..])).collect();
    hostile.expect(bench, &wanted, "after partitions with hostile keys were stored").await
}

pub(super) async fn keys_have_the_type_of_the_column(bench: &Bench) -> Verdict {
    let def = PartitionsDef::fixed("Year", ["2021", "-7", "0"])?;
    let builder = AssetBuilder::new("years", ValueKind::Table).partition_expr("kind");
    let rows = |name: &str, n: i64| -> Verdict<DataFrame> {
        let year: i64 = name.parse().map_err(|_| Breach::new(format!("`{name}` is no year")))?;
        Ok(df!("kind" => [year, year], "n" => [n, n]).map_err(Error::from)?)
    };
    let years = Sliced::new(bench, builder, def, Box::new(rows))?;
    years.put(bench, &[("2021", 1), ("-7", 2)], 1).await??;
    years.put(bench, &[("2021", 3)], 1).await??;
    years.expect(bench, &[("2021", &[3]), ("-7", &[2])], "with a column of whole numbers").await?;
    let def = PartitionsDef::fixed("Year", ["2021", "next year"])?;
    let builder = AssetBuilder::new("wrong", ValueKind::Table).partition_expr("kind");
    let wrong = Sliced::new(bench, builder, def, Box::new(rows))?;
    let slice = wrong.slice(&["next year"])?;
    let outcome = bench.put(&wrong.asset, &slice, Value::Table(rows("2021", 1)?.into_table()), 1).await;
    let kinds = &[ErrorKind::PartitionKey, ErrorKind::StrayRows, ErrorKind::Schema];
    refused(outcome, kinds, "a key that cannot be a value of the column")?;
    wrong.expect(bench, &[], "after a key that cannot be a value of the column").await
}

fn days() -> Verdict<PartitionsDef> {
    Ok(PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01")?.end("2023-01-06")?))
}

pub(super) async fn days_of_a_date_column(bench: &Bench) -> Verdict {
    let rows = |name: &str, n: i64| -> Verdict<DataFrame> {
        let day = Series::new("day".into(), [name, name]);
        let day = day.str().map_err(Error::from)?.as_date(Some("%Y-%m-%d"), false).map_err(Error::from)?;
        let day: Series = polars::prelude::IntoSeries::into_series(day);
        DataFrame::new(2, vec![day.into(), Series::new("n".into(), [n, n]).into()]).map_err(|error| Error::from(error).into())
    };
    let builder = AssetBuilder::new("days", ValueKind::Table).partition_expr("day");
    let sliced = Sliced::new(bench, builder, days()?, Box::new(rows))?;
    let (first, second, fifth) = ("2023-01-01", "2023-01-02", "2023-01-05");
    sliced.put(bench, &[(first, 1)], 1).await??;
    sliced.put(bench, &[(second, 2)], 1).await??;
    sliced.put(bench, &[(first, 3)], 2).await??;
    sliced.put(bench, &[(fifth, 4)], 1).await??;
    sliced.expect(bench, &[(first, &[3]), (second, &[2]), (fifth, &[4])], "with days of a date column").await?;
    // A gap in what is replaced.
    sliced.put(bench, &[(first, 5), (fifth, 6)], 1).await??;
    sliced.expect(bench, &[(first, &[5]), (second, &[2]), (fifth, &[6])], "after two days with a gap were replaced as one").await
}

/// Rows at the first and the last microsecond of a window, and at its start.
fn moments_in(all: &KeySet, name: &str, n: i64, zone: Option<&str>, wall_clock: bool) -> Verdict<DataFrame> {
    let index = all.space().parse(name)?;
    let axis = &all.space().axes()[0];
    let window = axis.window(index).ok_or_else(|| Breach::new(format!("`{name}` is no window")))?;
    let time = axis.time().ok_or_else(|| Breach::new("no dimension of time"))?;
    let micros = |at: jiff::Timestamp| -> i64 {
        if !wall_clock {
            return at.as_microsecond();
        }
        let wall = at.to_zoned(time.time_zone().clone()).datetime();
        wall.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |at| at.timestamp().as_microsecond())
    };
    let (start, end) = (micros(window.start), micros(window.end));
    let zone = TimeZone::opt_try_new(zone).map_err(Error::from)?;
    let at = Series::new("at".into(), [start, start, end - 1]);
    let at = at.strict_cast(&DataType::Datetime(TimeUnit::Microseconds, zone)).map_err(Error::from)?;
    DataFrame::new(3, vec![at.into(), Series::new("n".into(), [n, n, n]).into()]).map_err(|error| Error::from(error).into())
}

pub(super) async fn windows_are_half_open(bench: &Bench) -> Verdict {
    let all = bench.space(&days()?)?.all();
    let rows = move |name: &str, n: i64| moments_in(&all, name, n, None, true);
    let builder = AssetBuilder::new("moments", ValueKind::Table).partition_expr("at");
    let sliced = Sliced::new(bench, builder, days()?, Box::new(rows))?;
    let (first, second, fourth) = ("2023-01-01", "2023-01-02", "2023-01-04");
    for (number, (name, n)) in (1..).zip([(first, 1), (second, 2), (first, 3), (fourth, 4)]) {
        sliced.put(bench, &[(name, n)], number).await??;
    }
    sliced.expect(bench, &[(first, &[3]), (second, &[2]), (fourth, &[4])], "with days of a timestamp column").await?;
    sliced.put(bench, &[(first, 5), (fourth, 6)], 5).await??;
    sliced.expect(bench, &[(first, &[5]), (second, &[2]), (fourth, &[6])], "after two days with a gap were replaced as one").await
}

pub(super) async fn a_day_in_a_zone_is_as_long_as_it_is(bench: &Bench) -> Verdict {
    let zone = "America/Los_Angeles";
    // 2010-11-07 had 25 hours there.
    let days = TimeDef::new(Every::Day, "2010-11-06")?.zone(zone)?.end("2010-11-09")?;
    let days = PartitionsDef::time("LocalDay", days);
    let all = bench.space(&days)?.all();
    let of_days = move |name: &str, n: i64| moments_in(&all, name, n, Some("UTC"), false);
    let hours = TimeDef::new(Every::Hour, "2010-11-07-00:00")?.zone(zone)?.end("2010-11-07-03:00")?;
    let hours = PartitionsDef::time("LocalHour", hours);
    let all = bench.space(&hours)?.all();
    let of_hours = move |name: &str, n: i64| moments_in(&all, name, n, Some("UTC"), false);
    let make = |key: &str| AssetBuilder::new(key, ValueKind::Table).partition_expr("at");
    for sliced in [
        Sliced::new(bench, make("local_days"), days, Box::new(of_days))?,
        Sliced::new(bench, make("local_hours"), hours, Box::new(of_hours))?,
    ] {
        let names: Vec<String> = sliced.all.keys().map(|key| key.to_string()).collect();
        for (n, name) in (1..).zip(&names) {
            // A store that has no timestamps with a zone says so, and does not guess.
            match sliced.put(bench, &[(name, n)], 1).await {
                Err(breach) if n == 1 => return no_zones(bench, &breach).await,
                outcome => outcome??,
            };
        }
        let replaced = &names[1];
        sliced.put(bench, &[(replaced, 50)], 2).await??;
        let numbers: Vec<[i64; 1]> = (1..).zip(&names).map(|(n, name)| [if name == replaced { 50 } else { n }]).collect();
        let wanted: Vec<(&str, &[i64])> = names.iter().map(String::as_str).zip(numbers.iter().map(|n| &n[..])).collect();
        sliced.expect(bench, &wanted, "with windows of a zone whose clock went back").await?;
    }
    Ok(())
}

/// Refuses a failure, unless the store does not hold timestamps with a zone at all.
async fn no_zones(bench: &Bench, breach: &Breach) -> Verdict {
    let asset = bench.asset("zoned", ValueKind::Table)?;
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let zoned = super::one(Series::new("x".into(), [0_i64]).strict_cast(&utc).map_err(Error::from)?)?;
    let outcome = bench.put(&asset, &Slice::Whole, Value::Table(zoned.into_table()), 1).await;
    ensure!(outcome.is_err(), "timestamps with a zone are held, and not by their windows: {breach}");
    Ok(())
}

pub(super) async fn combinations_are_exact(bench: &Bench) -> Verdict {
    let def =
        PartitionsDef::multi("DayColor", [("date", days()?), ("color", PartitionsDef::fixed("Color", ["red|x", "blue"])?)])?;
    let rows = |name: &str, n: i64| -> Verdict<DataFrame> {
        // The text is `color|date`, since dimensions are sorted by name, and a `|` in a value is escaped.
        let (color, day) = if let Some(day) = name.strip_prefix("blue|") {
            ("blue", day)
        } else {
            ("red|x", name.rsplit('|').next().unwrap_or_default())
        };
        Ok(df!("tint" => [color, color], "day" => [day, day], "n" => [n, n]).map_err(Error::from)?)
    };
    let builder = AssetBuilder::new("combined", ValueKind::Table).partition_exprs([("date", "day"), ("color", "tint")]);
    let sliced = Sliced::new(bench, builder, def, Box::new(rows))?;
    let names: Vec<String> = sliced.all.keys().map(|key| key.to_string()).collect();
    let find = |color: &str, day: &str| {
        let found = names.iter().find(|name| name.starts_with(color) && name.ends_with(day));
        found.map(String::as_str).ok_or_else(|| Breach::new(format!("there is no key of {color} and {day}")))
    };
    let (red1, red2) = (find("red", "01")?, find("red", "02")?);
    let (blue1, blue2, blue4) = (find("blue", "01")?, find("blue", "02")?, find("blue", "04")?);
    let first: Vec<(&str, i64)> = vec![(red1, 1), (red2, 2), (blue1, 3), (blue2, 4), (blue4, 5)];
    sliced.put(bench, &first, 1).await??;
    // A corner: neither of the other two combinations of these keys is touched.
    sliced.put(bench, &[(red1, 6), (blue2, 7)], 1).await??;
    let wanted: &[(&str, &[i64])] = &[(red1, &[6]), (red2, &[2]), (blue1, &[3]), (blue2, &[7]), (blue4, &[5])];
    sliced.expect(bench, wanted, "after two combinations that are no rectangle were replaced").await?;
    let corner = sliced.slice(&[red2, blue1])?;
    let mut rows = rows_of(&sliced.rows(red2, 2)?)?;
    rows.extend(rows_of(&sliced.rows(blue1, 3)?)?);
    bench.expect(&sliced.asset, &corner, Some(Content::Rows(rows)), "read as a set that is no rectangle").await
}

pub(super) async fn an_empty_slice_is_there(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1)], 1).await??;
    for number in 1..=2 {
        for name in ["green", "red"] {
            let empty = Value::Table(colors.rows(name, 0)?.head(Some(0)).into_table());
            bench.put(&colors.asset, &colors.slice(&[name])?, empty, number + 1).await?;
        }
        let when = "after `green` and `red` were stored without a row";
        colors.expect(bench, &[("red", &[]), ("green", &[])], when).await?;
    }
    colors.put(bench, &[("green", 2), ("blue", 3)], 4).await??;
    colors.expect(bench, &[("red", &[]), ("green", &[2]), ("blue", &[3])], "after one that was without a row got some").await
}

pub(super) async fn slices_are_read_each(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("blue", 1), ("red", 2)], 1).await??;
    let slice = colors.slice(&["red", "blue"])?;
    for columns in [None, Some(["n".to_owned()])] {
        let request = bench.read(&colors.asset, &slice).columns(columns.as_ref().map(|columns| &columns[..]));
        let each = bench.store.load_each(request).await?;
        let names: Vec<String> = each.iter().map(|(key, _)| key.to_string()).collect();
        ensure!(
            names == ["red", "blue"],
            "`load_each` has to give `red` and `blue` in the order of the definition, and gave {names:?}"
        );
        for ((key, value), n) in each.into_iter().zip([2, 1]) {
            let Some(Value::Table(table)) = value else {
                return Err(Breach::new(format!("`load_each` gave nothing for `{key}`")));
            };
            let found = rows_of(&frame(table, &bench.env).await?)?;
            let mut wanted = colors.rows(&key.to_string(), n)?;
            if columns.is_some() {
                wanted = wanted.select(["n"]).map_err(Error::from)?;
            }
            let wanted = rows_of(&wanted)?;
            ensure!(found == wanted, "`load_each` has to give only the rows of `{key}`, {wanted:?}, and gave {found:?}");
        }
    }
    Ok(())
}

pub(super) async fn columns_of_a_slice_are_read_without_its_own(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("blue", 1), ("red", 2)], 1).await??;
    let (slice, columns) = (colors.slice(&["blue"])?, ["text".to_owned(), "n".to_owned()]);
    let Some(Value::Table(table)) = bench.store.load(bench.read(&colors.asset, &slice).columns(Some(&columns))).await? else {
        return Err(Breach::new("a slice was stored, and `load` gave nothing"));
    };
    let found = frame(table, &bench.env).await?;
    ensure!(found.get_column_names() == ["text", "n"], "asked for `text` and `n`, `load` gave {:?}", found.get_column_names());
    let wanted = rows_of(&colors.rows("blue", 1)?.select(["text", "n"]).map_err(Error::from)?)?;
    let found = rows_of(&found)?;
    ensure!(found == wanted, "without the partition column, the rows of `blue` have to be {wanted:?}, and are {found:?}");
    Ok(())
}

pub(super) async fn rows_of_a_slice_keep_their_order(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    let numbers: Vec<i64> = (0..5_000_i64).map(|n| n * 7_919 % 5_003).collect();
    let rows =
        df!("kind" => vec!["blue"; numbers.len()], "n" => &numbers, "text" => vec!["t"; numbers.len()]).map_err(Error::from)?;
    let slice = colors.slice(&["blue"])?;
    colors.put(bench, &[("red", 1)], 1).await??;
    bench.put(&colors.asset, &slice, Value::Table(rows.into_table()), 1).await?;
    let Some(Value::Table(table)) = bench.store.load(bench.read(&colors.asset, &slice)).await? else {
        return Err(Breach::new("a slice was stored, and `load` gave nothing"));
    };
    let found = frame(table, &bench.env).await?;
    let found: Vec<Option<i64>> = found.column("n").map_err(Error::from)?.i64().map_err(Error::from)?.iter().collect();
    let wanted: Vec<Option<i64>> = numbers.into_iter().map(Some).collect();
    ensure!(found == wanted, "the rows of a slice came back in another order");
    Ok(())
}

pub(super) async fn slices_refuse_together(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Error)?;
    colors.put(bench, &[("green", 1)], 1).await??;
    let outcome = colors.put(bench, &[("red", 2), ("green", 3)], 1).await?;
    refused(outcome, &[ErrorKind::Present], "storing two slices with `mode = \"error\"`, one of which is there")?;
    colors.expect(bench, &[("green", &[1])], "after `mode = \"error\"` refused both").await?;
    colors.put(bench, &[("red", 2)], 2).await??;
    colors.expect(bench, &[("red", &[2]), ("green", &[1])], "after `mode = \"error\"` met nothing of this slice").await
}

pub(super) async fn only_absent_slices_are_written(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Ignore)?;
    colors.put(bench, &[("green", 1)], 1).await??;
    let committed = colors.put(bench, &[("red", 2), ("green", 3)], 1).await??;
    let green = colors.slice(&["green"])?;
    ensure!(
        committed.ignored.as_ref() == Some(&green),
        "`green` was left as it was, and `Committed::ignored` is {:?}",
        committed.ignored
    );
    colors.expect(bench, &[("red", &[2]), ("green", &[1])], "after `mode = \"ignore\"` met one of two slices").await
}

pub(super) async fn slices_are_appended_to(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Append)?;
    colors.put(bench, &[("red", 1)], 1).await??;
    colors.put(bench, &[("blue", 2)], 1).await??;
    let committed = colors.put(bench, &[("red", 3)], 2).await??;
    if let Some(rows) = committed.slice_rows {
        ensure!(rows == 4, "after two appends of 2 rows to a slice, `Committed::slice_rows` is {rows}");
    }
    colors.expect(bench, &[("red", &[1, 3]), ("blue", &[2])], "after rows were appended to slices").await?;
    let again = colors.put(bench, &[("red", 3)], 2).await??;
    ensure!(again.already, "another attempt at an append to a slice does not say that it had landed");
    colors.expect(bench, &[("red", &[1, 3]), ("blue", &[2])], "after another attempt at an append that had landed").await
}

pub(super) async fn slices_are_first_written_at_once(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    let mut tasks = Vec::new();
    for (n, color) in (1_i64..).zip(COLORS) {
        let (on, asset, slice) = (bench.again().await, colors.asset.clone(), colors.slice(&[color])?);
        let value = Value::Table(colors.rows(color, n)?.into_table());
        tasks.push(tokio::spawn(async move { on.put(&asset, &slice, value, 1).await }));
    }
    for task in tasks {
        joined_or_breach(task.await)??;
    }
    let wanted: &[(&str, &[i64])] = &[("red", &[1]), ("green", &[2]), ("blue", &[3]), ("grey", &[4])];
    colors.expect(bench, wanted, "after four slices of a table that was not there were written at once").await?;
    for color in COLORS {
        let state = bench.state(&colors.asset, &colors.slice(&[color])?, 1).await?;
        ensure!(state == CommitState::Committed, "the commit of `{color}` landed and is {state:?}");
    }
    Ok(())
}

pub(super) async fn one_value_holds_several_slices(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1), ("green", 2), ("blue", 3)], 1).await??;
    // One frame for all that a step makes, in no order.
    let slice = colors.slice(&["red", "blue", "grey"])?;
    let rows = lists("row", &["blue", "red", "blue"], 9)?;
    let committed = bench.put(&colors.asset, &slice, Value::Table(rows.clone().into_table()), 1).await?;
    ensure!(!committed.already, "the first commit of three slices says that it had landed before");
    bench.expect(&colors.asset, &slice, Some(Content::Rows(rows_of(&rows)?)), "after one frame replaced three slices").await?;
    let green = colors.slice(&["green"])?;
    let kept = Content::Rows(rows_of(&colors.rows("green", 2)?)?);
    bench.expect(&colors.asset, &green, Some(kept), "after other slices were replaced").await?;
    let present = bench.present(&colors.asset, &colors.all).await?;
    ensure!(present == COLORS, "`grey` was stored without a row and is there, and `present` names {present:?}");
    let states = bench.store.committed(bench.request(&colors.asset, &slice), &[id(&colors.asset, &slice, 1)]).await?;
    ensure!(states == [CommitState::Committed], "the commit of three slices landed and is {states:?}");
    Ok(())
}

pub(super) async fn deleting_a_slice_removes_only_it(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1), ("green", 2)], 1).await??;
    let red = colors.slice(&["red"])?;
    match bench.store.delete(bench.request(&colors.asset, &red)).await {
        Ok(()) => colors.expect(bench, &[("green", &[2])], "after `red` was deleted").await,
        Err(error) => {
            ensure!(error.kind() == ErrorKind::Unsupported, "a store that does not delete says `Unsupported`, and not {error:?}");
            colors.expect(bench, &[("red", &[1]), ("green", &[2])], "after `red` was not deleted").await
        }
    }
}

pub(super) async fn a_column_parts_a_table_that_is_written_whole(bench: &Bench) -> Verdict {
    let asset = by_hand(AssetBuilder::new("whole", ValueKind::Table).partition_expr("kind"))?;
    for (number, rows) in (1..).zip([lists("row", &["red", "blue", "red"], 1)?, lists("row", &["grey", "blue"], 2)?]) {
        bench.put(&asset, &Slice::Whole, Value::Table(rows.clone().into_table()), number).await?;
        let when = "after a table that a column parts was written whole";
        bench.expect(&asset, &Slice::Whole, Some(Content::Rows(rows_of(&rows)?)), when).await?;
    }
    // Somebody reads it by a definition over that column.
    let def = PartitionsDef::fixed("Color", COLORS)?;
    let blue = keys(&bench.space(&def)?, &["blue"])?.slice();
    let request = bench.read(&asset, &blue).partitions(Some(&def));
    let Some(Value::Table(table)) = bench.store.load(request).await? else {
        return Err(Breach::new("the rows of `blue` are there, and a reader with a definition over the column got nothing"));
    };
    let (found, wanted) = (rows_of(&frame(table, &bench.env).await?)?, rows_of(&lists("row", &["blue"], 2)?)?);
    ensure!(found == wanted, "a reader with a definition over the column has to get {wanted:?}, and got {found:?}");
    Ok(())
}

pub(super) async fn slices_keep_the_columns_of_their_table(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1), ("blue", 2)], 1).await??;
    let red = colors.slice(&["red"])?;
    let rows = |added: Option<Series>, without: Option<&str>| -> Verdict<DataFrame> {
        let mut rows = colors.rows("red", 3)?;
        if let Some(added) = added {
            rows.with_column(added.into()).map_err(Error::from)?;
        }
        Ok(without.map_or(Ok(rows.clone()), |name| rows.drop(name)).map_err(Error::from)?)
    };
    let more = || Series::new("more".into(), [1.5, 2.5]);
    // Where each partition is a table of its own, the columns of one say nothing of those of another.
    for (number, (what, column, frame)) in (2..).zip([
        ("an added column", "more", rows(Some(more()), None)?),
        ("a missing column", "text", rows(None, Some("text"))?),
        ("a column of another type", "n", rows(Some(Series::new("n".into(), ["1", "2"])), None)?),
    ]) {
        let outcome = bench.put(&colors.asset, &red, Value::Table(frame.into_table()), number).await;
        let error = refused(outcome, &[ErrorKind::Schema], &format!("a slice with {what}"))?;
        ensure!(format!("{error:?}").contains(&format!("`{column}`")), "{what} of a slice is refused without a name: {error:?}");
        colors.expect(bench, &[("red", &[1]), ("blue", &[2])], &format!("after a slice with {what} was refused")).await?;
    }
    let builder = AssetBuilder::new("colors", ValueKind::Table).partition_expr("kind").store_option("schema_mode", "merge");
    let merging = by_hand(builder.partitions(colors.all.space().def().clone()))?;
    let wider = rows(Some(more()), None)?;
    bench.put(&merging, &red, Value::Table(wider.clone().into_table()), 9).await?;
    bench.expect(&merging, &red, Some(Content::Rows(rows_of(&wider)?)), "after a slice added a column").await?;
    if bench.can.partitions_tables() {
        let mut blue = colors.rows("blue", 2)?;
        blue.with_column(Series::full_null("more".into(), 2, &DataType::Float64).into()).map_err(Error::from)?;
        let slice = colors.slice(&["blue"])?;
        bench.expect(&merging, &slice, Some(Content::Rows(rows_of(&blue)?)), "after another slice added a column").await?;
    }
    Ok(())
}
