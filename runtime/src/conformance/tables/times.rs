//! Sections 3 and 4: windows of time and combinations of dimensions, by the values of columns.

use polars::prelude::{DataFrame, DataType, NamedFrom, Series, StringMethods, TimeUnit, TimeZone, df};

use super::rows_of;
use super::slices::Sliced;
use crate::asset::{AssetBuilder, ValueKind};
use crate::conformance::bench::{Bench, plain};
use crate::conformance::breach::{Breach, Verdict};
use crate::conformance::content::Content;
use crate::error::Error;
use crate::frame::Frame;
use crate::partition::{Every, KeySet, PartitionsDef, TimeDef};
use crate::slice::Slice;
use crate::value::Value;

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
    let asset = plain("zoned", ValueKind::Table)?;
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
