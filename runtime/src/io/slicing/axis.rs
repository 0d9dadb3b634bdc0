//! One dimension and its column: from keys to literals of the column's type, and from values back to keys.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use polars::prelude::{
    Column, DataType, Expr, Field, Int64Chunked, IntoColumn, IntoSeries, NamedFrom, PlSmallStr, PolarsResult, Series,
    StringChunked, TimeUnit, col, lit,
};
use roaring::RoaringTreemap;

use crate::error::{Error, ErrorKind, Result};
use crate::partition::{Axis, TimeDef};

/// How many ranges of time a predicate is written out for.
const MOST_RANGES: usize = 64;

/// A dimension and its column.
#[derive(Clone)]
pub(crate) struct AxisColumn {
    column: PlSmallStr,
    data_type: DataType,
    pub(super) matcher: Arc<Matcher>,
}

/// How values of the column are keys of the dimension.
pub(super) enum Matcher {
    /// A value is a key, by the text of the value.
    Equal { places: HashMap<String, u64>, texts: HashMap<u64, String> },
    /// A value is in a window: the windows of the set by their start, as numbers of the column's physical type.
    Within { windows: Vec<Span> },
}

/// A window as numbers of the column's physical type.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) place: u64,
    pub(super) start: i64,
    pub(super) end: i64,
}

impl AxisColumn {
    /// For these places on an axis, in a column of this type.
    pub(crate) fn new(axis: &Axis, places: &RoaringTreemap, column: &str, data_type: &DataType) -> Result<Self> {
        let is_time = matches!(data_type, DataType::Date | DataType::Datetime(..));
        let matcher = match (is_time, axis.time()) {
            (true, Some(time)) => within(axis, time, places, column, data_type)?,
            (true, None) => moments(axis, places, column, data_type)?,
            (false, _) => equal(axis, places, column, data_type)?,
        };
        Ok(Self { column: column.into(), data_type: data_type.clone(), matcher: Arc::new(matcher) })
    }

    pub(crate) fn column(&self) -> &PlSmallStr {
        &self.column
    }

    /// The place of a value, written as the Delta protocol writes partition values.
    pub(crate) fn place_of_text(&self, text: &str) -> Option<u64> {
        match &*self.matcher {
            // Others may write numbers and bools in other ways, which are the same values.
            Matcher::Equal { places, .. } => places.get(text).copied().or_else(|| match &self.data_type {
                DataType::Boolean => places.get(&text.to_ascii_lowercase()).copied(),
                other if other.is_integer() => places.get(&text.parse::<i128>().ok()?.to_string()).copied(),
                _ => None,
            }),
            Matcher::Within { .. } => self.place_of_number(number(text, &self.data_type)?),
        }
    }

    /// The value at a place, written as the Delta protocol writes partition values; of a window, its start.
    pub(crate) fn text_of(&self, place: u64) -> Option<String> {
        match &*self.matcher {
            Matcher::Equal { texts, .. } => texts.get(&place).cloned(),
            Matcher::Within { windows } => {
                let window = windows.iter().find(|window| window.place == place)?;
                match self.data_type {
                    DataType::Date => {
                        let days = i32::try_from(window.start).ok()?;
                        jiff::civil::date(1970, 1, 1)
                            .checked_add(jiff::Span::new().try_days(days).ok()?)
                            .ok()
                            .map(|date| date.to_string())
                    }
                    DataType::Datetime(unit, _) => {
                        let nanoseconds = i128::from(window.start) * unscaled(unit);
                        let at = jiff::Timestamp::from_nanosecond(nanoseconds).ok()?;
                        Some(at.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string())
                    }
                    _ => None,
                }
            }
        }
    }

    fn place_of_number(&self, value: i64) -> Option<u64> {
        let Matcher::Within { windows } = &*self.matcher else { return None };
        find(windows, value).map(|window| window.place)
    }

    /// What bounds of the column say: the places that may occur, and whether every value in between is in one of them. Nothing if the
    /// bounds say nothing.
    pub(crate) fn places_between(&self, least: &str, greatest: &str) -> Option<(Vec<u64>, bool)> {
        match &*self.matcher {
            // Bounds of texts may be cut short, and the place of texts in between is unknown.
            Matcher::Equal { places, .. } if least == greatest && least.len() < 32 => {
                let found: Vec<u64> = places.get(least).copied().into_iter().collect();
                let inside = !found.is_empty();
                Some((found, inside))
            }
            Matcher::Equal { .. } => None,
            Matcher::Within { windows } => {
                let (least, greatest) = (number(least, &self.data_type)?, number(greatest, &self.data_type)?);
                // Writers cut timestamps in the log down to milliseconds.
                let greatest = match self.data_type {
                    DataType::Datetime(TimeUnit::Microseconds, _) if greatest % 1_000 == 0 => greatest.saturating_add(999),
                    DataType::Datetime(TimeUnit::Nanoseconds, _) if greatest % 1_000_000 == 0 => greatest.saturating_add(999_999),
                    _ => greatest,
                };
                let first = windows.partition_point(|window| window.end <= least);
                let past = windows.partition_point(|window| window.start <= greatest);
                let between = windows.get(first..past).unwrap_or_default();
                let whole = between.windows(2).all(|pair| pair[0].end == pair[1].start)
                    && between.first().is_some_and(|window| window.start <= least)
                    && between.last().is_some_and(|window| greatest < window.end);
                Some((between.iter().map(|window| window.place).collect(), whole))
            }
        }
    }

    /// Whether the column is that of one of these places; nothing if that is too long to be written out.
    pub(super) fn predicate(&self, places: &RoaringTreemap) -> Option<Expr> {
        let column = col(self.column.clone());
        match &*self.matcher {
            Matcher::Equal { texts, .. } => {
                let texts: Vec<&str> = places.iter().filter_map(|place| texts.get(&place).map(String::as_str)).collect();
                let literals = literals(&texts, &self.data_type)?;
                let column = if is_text(&self.data_type) { column.cast(DataType::String) } else { column };
                Some(match literals.len() {
                    0 => lit(false),
                    1 => column
                        .eq(lit(polars::prelude::Scalar::new(literals.dtype().clone(), literals.get(0).ok()?.into_static()))),
                    _ => column.is_in(lit(literals).implode(true), false),
                })
            }
            Matcher::Within { windows } => {
                let ranges = ranges(windows, places);
                if ranges.len() > MOST_RANGES {
                    return None;
                }
                let bound = |value: i64| self.bound(value);
                let mut written = Vec::with_capacity(ranges.len());
                for (start, end) in ranges {
                    written.push(column.clone().gt_eq(bound(start)?).and(column.clone().lt(bound(end)?)));
                }
                Some(written.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false)))
            }
        }
    }

    fn bound(&self, value: i64) -> Option<Expr> {
        let series = Series::new(PlSmallStr::EMPTY, [value]);
        let series = match self.data_type {
            DataType::Date => series.cast(&DataType::Int32).ok()?,
            _ => series,
        };
        let typed = series.cast(&self.data_type).ok()?;
        Some(lit(polars::prelude::Scalar::new(self.data_type.clone(), typed.get(0).ok()?.into_static())))
    }

    /// The place of each value as a number; null for a value of none.
    pub(crate) fn place(&self) -> Expr {
        let matcher = Arc::clone(&self.matcher);
        let column = col(self.column.clone());
        let column = match &*self.matcher {
            Matcher::Equal { .. } => column.cast(DataType::String),
            Matcher::Within { .. } => column.to_physical().cast(DataType::Int64),
        };
        column.map(move |column| matcher.places(&column), |_, field| Ok(Field::new(field.name().clone(), DataType::Int64)))
    }
}

impl Matcher {
    fn places(&self, column: &Column) -> PolarsResult<Column> {
        let places: Int64Chunked = match self {
            Self::Equal { places, .. } => {
                let values: &StringChunked = column.str()?;
                values.iter().map(|value| value.and_then(|value| places.get(value)).map(|place| place.cast_signed())).collect()
            }
            Self::Within { windows } => {
                let values = column.i64()?;
                let place = |value: Option<i64>| find(windows, value?).map(|window| window.place.cast_signed());
                values.iter().map(place).collect()
            }
        };
        Ok(places.with_name(column.name().clone()).into_series().into_column())
    }
}

/// The windows of these places from where to where, those that follow one another as one.
pub(super) fn ranges(windows: &[Span], places: &RoaringTreemap) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for window in windows.iter().filter(|window| places.contains(window.place)) {
        match ranges.last_mut() {
            Some((_, end)) if *end == window.start => *end = window.end,
            _ => ranges.push((window.start, window.end)),
        }
    }
    ranges
}

fn find(windows: &[Span], value: i64) -> Option<Span> {
    let next = windows.partition_point(|window| window.start <= value);
    windows.get(next.checked_sub(1)?).copied().filter(|window| value < window.end)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::String | DataType::Categorical(..) | DataType::Enum(..))
}

/// From where to where, as numbers of the column, the windows of a definition are that there can ever be.
pub(crate) struct TimeLimits {
    data_type: DataType,
    start: i64,
    end: Option<i64>,
}

impl TimeLimits {
    /// Nothing if the column holds no times, or the calendar none of the definition.
    pub(crate) fn new(time: &TimeDef, data_type: &DataType) -> Option<Self> {
        let bound = |at: Timestamp| bound(at, time.time_zone(), data_type);
        let start = bound(time.window(0)?.start)?;
        let end = time.last().and_then(|window| bound(window.end));
        Some(Self { data_type: data_type.clone(), start, end })
    }

    /// Whether a value, as partition values and statistics write it, is in none of them; never for what cannot be read.
    pub(crate) fn exclude(&self, text: &str) -> bool {
        number(text, &self.data_type).is_some_and(|value| value < self.start || self.end.is_some_and(|end| value >= end))
    }
}

/// Keys as values of the column, for equality.
fn equal(axis: &Axis, places: &RoaringTreemap, column: &str, data_type: &DataType) -> Result<Matcher> {
    if !(*data_type == DataType::Boolean || is_text(data_type) || data_type.is_integer()) {
        let message = format!(
            "the column `{column}` is `{data_type}`, and partitions are told apart by text, numbers without fraction, \
            bools, dates or times"
        );
        return Err(Error::new(ErrorKind::Schema, message).help("name another column in `partition_expr`, or cast this one"));
    }
    let mut matcher = (HashMap::new(), HashMap::new());
    for place in places {
        let key = axis.key(place);
        let text = canonical(&key, data_type).ok_or_else(|| no_value(&key, column, data_type))?;
        matcher.0.insert(text.clone(), place);
        matcher.1.insert(place, text);
    }
    Ok(Matcher::Equal { places: matcher.0, texts: matcher.1 })
}

/// Keys as values of a date or time column: windows as long as one unit of it, since one moment has many texts. Of two keys that are
/// one moment neither could be told from the other, whichever of them is asked for.
fn moments(axis: &Axis, places: &RoaringTreemap, column: &str, data_type: &DataType) -> Result<Matcher> {
    let mut windows: Vec<Span> = Vec::new();
    for place in 0..axis.len() {
        let key = axis.key(place);
        let start = match data_type {
            DataType::Datetime(unit, _) => instant(&key, *unit),
            _ => canonical(&key, data_type).and_then(|text| number(&text, data_type)),
        };
        match start {
            Some(start) => windows.push(Span { place, start, end: start.saturating_add(1) }),
            None if places.contains(place) => return Err(no_value(&key, column, data_type)),
            None => {}
        }
    }
    windows.sort_unstable_by_key(|window| window.start);
    if let Some(same) = windows.windows(2).find(|pair| pair[0].start == pair[1].start) {
        let (one, other) = (axis.key(same[0].place), axis.key(same[1].place));
        let message = format!("the partition keys `{one}` and `{other}` are one value of the column `{column}`");
        return Err(Error::new(ErrorKind::PartitionKey, message).help("leave one of them out, or make the column text"));
    }
    windows.retain(|window| places.contains(window.place));
    Ok(Matcher::Within { windows })
}

fn no_value(key: &str, column: &str, data_type: &DataType) -> Error {
    let message = format!("the partition key `{key}` cannot be a value of the column `{column}`, which is `{data_type}`");
    Error::new(ErrorKind::PartitionKey, message).help("cast the column, or change the key")
}

/// A key as the text of a value of this type; nothing if it cannot be one.
fn canonical(key: &str, data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::Boolean => matches!(key, "true" | "false").then(|| key.to_owned()),
        DataType::Date => key.parse::<jiff::civil::Date>().ok().map(|date| date.to_string()).filter(|text| text == key),
        other if is_text(other) => Some(key.to_owned()),
        // `007` and `7` would be one number.
        other => {
            let series = literals(&[key], other)?;
            let text = series.cast(&DataType::String).ok()?;
            text.str().ok()?.get(0).filter(|text| *text == key).map(str::to_owned)
        }
    }
}

/// Texts as a series of the column's type, or nothing if one of them is none.
fn literals(texts: &[&str], data_type: &DataType) -> Option<Series> {
    let series = Series::new(PlSmallStr::EMPTY, texts);
    match data_type {
        DataType::Boolean => Some(Series::new(PlSmallStr::EMPTY, texts.iter().map(|text| *text == "true").collect::<Vec<_>>())),
        DataType::Date => {
            let days: Option<Vec<i32>> = texts.iter().map(|text| days(text)).collect();
            Series::new(PlSmallStr::EMPTY, days?).cast(data_type).ok()
        }
        other if is_text(other) => Some(series),
        other => series.strict_cast(other).ok(),
    }
}

/// A date as the number that a column of dates holds.
pub(crate) fn days(text: &str) -> Option<i32> {
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days())
}

/// A time of day on a date, or an instant, as the number that a column of this unit holds.
fn instant(text: &str, unit: TimeUnit) -> Option<i64> {
    let nanoseconds = match text.parse::<jiff::Timestamp>() {
        Ok(instant) => instant.as_nanosecond(),
        Err(_) => text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_nanosecond(),
    };
    scaled(nanoseconds, unit)
}

/// How many nanoseconds one of the unit is.
fn unscaled(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Nanoseconds => 1,
        TimeUnit::Microseconds => 1_000,
        TimeUnit::Milliseconds => 1_000_000,
    }
}

/// Nanoseconds in another unit, if they are whole.
fn scaled(nanoseconds: i128, unit: TimeUnit) -> Option<i64> {
    let divisor = unscaled(unit);
    (nanoseconds % divisor == 0).then(|| i64::try_from(nanoseconds / divisor).ok()).flatten()
}

/// A value of a time column as statistics and partition values write it, as the number that the column holds.
fn number(text: &str, data_type: &DataType) -> Option<i64> {
    match data_type {
        DataType::Date => days(text).map(i64::from),
        DataType::Datetime(unit, _) => instant(&text.replacen(' ', "T", 1), *unit),
        _ => None,
    }
}

/// Windows as numbers of the column: instants for a column with a zone, and the wall clock of the definition's zone for one without.
fn within(axis: &Axis, time: &TimeDef, places: &RoaringTreemap, column: &str, data_type: &DataType) -> Result<Matcher> {
    let mut windows: Vec<Span> = Vec::new();
    for place in places {
        let key = axis.key(place);
        let window = axis.window(place);
        let bounds = window.as_ref().and_then(|window| {
            let start = bound(window.start, time.time_zone(), data_type)?;
            Some((start, bound(window.end, time.time_zone(), data_type)?))
        });
        let (Some(window), Some((start, end))) = (window, bounds) else {
            let message = format!("the window `{key}` cannot be written in the column `{column}`, which is `{data_type}`");
            return Err(Error::new(ErrorKind::PartitionKey, message).help("cast the column to a type that holds the time"));
        };
        let repeats = |at: Timestamp| is_inside_of_a_repeat(at, time.time_zone());
        if matches!(data_type, DataType::Datetime(_, None)) && (repeats(window.start) || repeats(window.end)) {
            let message = format!(
                "the wall clock repeats in the window `{key}`, so that the column `{column}`, which has no time zone, \
                cannot tell it from the next"
            );
            return Err(Error::new(ErrorKind::PartitionKey, message).help("give the column a time zone"));
        }
        windows.push(Span { place, start, end });
    }
    Ok(Matcher::Within { windows })
}

/// Where a window begins or ends, as the number that the column holds. A date is its midnight.
fn bound(at: Timestamp, zone: &TimeZone, data_type: &DataType) -> Option<i64> {
    match data_type {
        DataType::Date => {
            let civil = wall_clock(at, zone)?;
            // The first midnight that is not before.
            let date = civil.date();
            let date = if civil.time() == jiff::civil::Time::midnight() { date } else { date.tomorrow().ok()? };
            Some(date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days().into())
        }
        DataType::Datetime(unit, Some(_)) => scaled(at.as_nanosecond(), *unit),
        DataType::Datetime(unit, None) => {
            scaled(wall_clock(at, zone)?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond(), *unit)
        }
        _ => None,
    }
}

/// What the clock shows when it gets there. Where it jumps ahead at that very moment this is the time before the jump: a day that has
/// no midnight begins with the date all the same.
fn wall_clock(at: Timestamp, zone: &TimeZone) -> Option<DateTime> {
    let nanosecond = SignedDuration::from_nanos(1);
    let before = zone.to_datetime(at.checked_sub(nanosecond).ok()?).checked_add(nanosecond).ok()?;
    Some(before.min(zone.to_datetime(at)))
}

/// Whether the clock shows this time twice, other than for the first time at the very beginning of what it repeats: rows on both sides
/// of such a moment have the same wall clock.
fn is_inside_of_a_repeat(at: Timestamp, zone: &TimeZone) -> bool {
    let repeated = |at: Timestamp| zone.to_ambiguous_timestamp(zone.to_datetime(at)).offset();
    let AmbiguousOffset::Fold { before, .. } = repeated(at) else { return false };
    let is_second = zone.to_offset(at) != before;
    let just_before = at.checked_sub(SignedDuration::from_nanos(1));
    is_second || just_before.is_ok_and(|at| matches!(repeated(at), AmbiguousOffset::Fold { .. }))
}
