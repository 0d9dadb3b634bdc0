//! How windows are named: the start on the wall clock, and its offset too where the clock shows that time for the second time.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::tz::{AmbiguousOffset, Offset};

use super::clock::{Clock, local, resolve};
use super::{Every, TimeDef, invalid};
use crate::error::Result;
use crate::partition::key::check_value;

/// Daily, weekly and monthly keys.
pub(super) const DATE: &str = "%Y-%m-%d";
/// Hourly keys, and those by cron.
pub(super) const MINUTE: &str = "%Y-%m-%d-%H:%M";
/// Keys by a cron expression with seconds.
pub(super) const SECOND: &str = "%Y-%m-%d-%H:%M:%S";

/// Where a key belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::partition) enum Place {
    /// The window with this number.
    At(u64),
    /// It is written as a key is, and names a time before the first window.
    Before,
    /// It is written as a key is, and names a time at or after the declared end.
    After,
    /// It is written as a key is, and no window begins there; it lies in the one with this number.
    Between(u64),
    /// It is not written as a key is.
    Malformed,
}

impl TimeDef {
    /// Where a key belongs. Only the very text that [`key`](TimeDef::key) gives is a key.
    pub(in crate::partition) fn place(&self, key: &str) -> Place {
        if let Some(found) = self.plain(key) {
            return if found < self.limit() { Place::At(found) } else { Place::After };
        }
        let Some(times) = self.read(key) else { return Place::Malformed };
        let limit = self.limit();
        for time in &times {
            // A format may leave out what the start of the window has, so the key may read as a time before it.
            let near = self.clock().at(*time).unwrap_or(0);
            let mut candidates = [near, near.saturating_add(1), near.saturating_sub(1), near.saturating_add(2)].into_iter();
            if let Some(found) = candidates.find(|number| self.raw_key(*number).is_some_and(|known| known == key)) {
                return if found < limit { Place::At(found) } else { Place::After };
            }
        }
        let Some(time) = times.first() else { return Place::Malformed };
        match self.clock().at(*time) {
            None => Place::Before,
            Some(number) if number >= limit => Place::After,
            Some(number) => Place::Between(number),
        }
    }

    /// The window of a key that is only a date or a time to the minute, as nearly all are: a million are read at once.
    fn plain(&self, key: &str) -> Option<u64> {
        let time = plain_time(key, &self.format)?;
        let number = self.clock().at(resolve(&self.tz, time).at)?;
        // Whatever is not the key of just this window is for the rest of `place` to say.
        matches!(self.named(number)?, (named, _, false) if named == time).then_some(number)
    }

    /// What the key of a window says: its time, the offset of that, and whether it has to be in the key.
    fn named(&self, ordinal: u64) -> Option<(DateTime, Option<Offset>, bool)> {
        Some(match self.clock() {
            Clock::Calendar(calendar) => (calendar.key_time(ordinal)?, None, false),
            clock => {
                let start = Timestamp::from_second(clock.start(ordinal)?).ok()?;
                let (time, offset) = (self.tz.to_datetime(start), self.tz.to_offset(start));
                (time, Some(offset), self.repeats(time, offset))
            }
        })
    }

    /// The key of a window, without regard to the declared end.
    pub(super) fn raw_key(&self, ordinal: u64) -> Option<String> {
        let (time, offset, again) = self.named(ordinal)?;
        let mut text = self.write(time, offset)?;
        if let Some(offset) = offset.filter(|_| again) {
            // A format may have the offset already.
            let first = self.tz.to_ambiguous_timestamp(time).earlier().ok().map(|first| self.tz.to_offset(first));
            if self.write(time, first)? == text {
                text.push_str(&offset_text(offset));
            }
        }
        Some(text)
    }

    /// Whether the clock shows this time for the second time when its offset is this one.
    fn repeats(&self, time: DateTime, offset: Offset) -> bool {
        matches!(
            self.tz.to_ambiguous_timestamp(time).offset(),
            AmbiguousOffset::Fold { before, after } if before != after && offset == after
        )
    }

    fn write(&self, time: DateTime, offset: Option<Offset>) -> Option<String> {
        match self.format.as_str() {
            // The formats that nearly everybody has, without the interpreter: a million keys are written at once.
            DATE | MINUTE if (0..=9999).contains(&time.year()) => {
                let mut text = String::with_capacity(16);
                push_digits(&mut text, time.year().unsigned_abs(), 4);
                for part in [time.month(), time.day()] {
                    text.push('-');
                    push_digits(&mut text, u16::from(part.unsigned_abs()), 2);
                }
                if self.format == MINUTE {
                    text.push('-');
                    push_digits(&mut text, u16::from(time.hour().unsigned_abs()), 2);
                    text.push(':');
                    push_digits(&mut text, u16::from(time.minute().unsigned_abs()), 2);
                }
                Some(text)
            }
            format => {
                let mut parts = BrokenDownTime::from(time);
                if let Some(offset) = offset.or_else(|| self.tz.to_ambiguous_zoned(time).compatible().ok().map(|at| at.offset()))
                {
                    parts.set_offset(Some(offset));
                    parts.set_timestamp(offset.to_timestamp(time).ok());
                }
                let mut text = String::new();
                parts.format_with_config(&Config::new().lenient(false), format, &mut text).ok()?;
                Some(text)
            }
        }
    }

    /// The seconds that a text may mean; `None` if it is not written as keys are.
    fn read(&self, key: &str) -> Option<Vec<i64>> {
        let (parts, suffix) = if let Ok(parts) = BrokenDownTime::parse(&self.format, key) {
            (parts, None)
        } else {
            let (head, offset) = split_offset(key)?;
            (BrokenDownTime::parse(&self.format, head).ok()?, Some(offset))
        };
        if let Some(instant) = parts.timestamp() {
            return Some(vec![instant.as_second()]);
        }
        let offset = suffix.or(parts.offset());
        let time = civil_of(parts)?;
        if let Some(offset) = offset {
            return Some(vec![local(time) - i64::from(offset.seconds())]);
        }
        // A text without an offset is the first of two: the second is written with it.
        Some(vec![resolve(&self.tz, time).at])
    }

    /// Whether each window has a key of its own that can be read again.
    pub(super) fn check_format(&self) -> Result<()> {
        let format = &self.format;
        let clash = |one: &str, other: &str, key: &str| {
            invalid(format!("the format `{format}` gives two windows the key `{key}`"))
                .help(format!("it is too coarse for {}: {one} and {other} cannot be told apart", self.describe()))
        };
        let mut seen: HashMap<String, u64> = HashMap::new();
        for ordinal in self.samples() {
            let Some(window) = self.raw(ordinal) else { continue };
            let Some(key) = self.raw_key(ordinal) else {
                return Err(invalid(format!("`{format}` is not a format for dates"))
                    .help("write it as for `strftime`, for example `%Y-%m-%d`"));
            };
            check_value(&key).map_err(|source| {
                invalid(format!("the format `{format}` gives no key"))
                    .help("write one line that says when the window begins, for example `%Y-%m-%d`")
                    .source(source)
            })?;
            if let Some(other) = seen.get(&key).filter(|other| **other != ordinal).and_then(|other| self.raw(*other)) {
                return Err(clash(&other.civil_start.to_string(), &window.civil_start.to_string(), &key));
            }
            let read = self.place(&key);
            if !matches!(read, Place::At(found) if found == ordinal) && read != Place::After {
                return Err(invalid(format!("a key of the format `{format}` cannot be read again, for example `{key}`"))
                    .help("use a format that says the year, the month and the day, for example `%Y-%m-%d`"));
            }
            seen.insert(key, ordinal);
        }
        Ok(())
    }

    /// Windows between which any field that a format may leave out differs alone: many in a row, one a day for two years, one a month
    /// for twenty, one a year for a hundred and ten.
    fn samples(&self) -> Vec<u64> {
        const DAY: i64 = 86_400;
        let row = if self.every == Every::Hour { 60 } else { 400 };
        let mut all: Vec<u64> = (0..row).collect();
        if let Some(first) = self.clock().start(0) {
            // By cron each window up to the farthest is looked for, so there is a bound on how many.
            let reach = match (&self.every, self.clock().start(row)) {
                (Every::Cron(_), Some(last)) => (last - first) * 100,
                _ => i64::MAX,
            };
            let far = (1..740)
                .map(|n| n * DAY)
                .chain((1..240).map(|n| n * 30 * DAY + n * DAY / 2))
                .chain((1..110).map(|n| n * 365 * DAY + n * DAY / 4));
            all.extend(far.filter(|seconds| *seconds < reach).filter_map(|seconds| self.clock().at(first + seconds)));
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Takes the offset from the end of a key: `-0800`.
pub(super) fn split_offset(key: &str) -> Option<(&str, Offset)> {
    let sign = key.rfind(['+', '-'])?;
    let (head, tail) = key.split_at(sign);
    let digits = &tail[1..];
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |text| text.parse::<i32>().ok());
    let seconds = part(0)? * 3600 + part(2)? * 60 + part(4)?;
    Some((head, Offset::from_seconds(if tail.starts_with('-') { -seconds } else { seconds }).ok()?))
}

fn offset_text(offset: Offset) -> String {
    let seconds = offset.seconds().unsigned_abs();
    let sign = if offset.seconds() < 0 { '-' } else { '+' };
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest == 0 { format!("{sign}{hours:02}{minutes:02}") } else { format!("{sign}{hours:02}{minutes:02}{rest:02}") }
}

/// A time from what a format has; what it has not is the first.
fn civil_of(mut parts: BrokenDownTime) -> Option<DateTime> {
    if let Ok(time) = parts.to_datetime() {
        return Some(time);
    }
    if parts.hour().is_none() {
        parts.set_hour(Some(0)).ok()?;
    }
    if parts.to_date().is_err() {
        if parts.iso_week().is_some() || parts.monday_based_week().is_some() || parts.sunday_based_week().is_some() {
            parts.set_weekday(Some(jiff::civil::Weekday::Monday));
        } else {
            if parts.month().is_none() {
                parts.set_month(Some(1)).ok()?;
            }
            if parts.day().is_none() {
                parts.set_day(Some(1)).ok()?;
            }
        }
    }
    let time = parts.to_time().unwrap_or(jiff::civil::Time::midnight());
    Some(parts.to_date().ok()?.to_datetime(time))
}

/// The time that a text says which is just as `write` writes it in the formats that need no interpreter.
fn plain_time(text: &str, format: &str) -> Option<DateTime> {
    let (form, has_time) = match format {
        DATE => ("0000-00-00", false),
        MINUTE => ("0000-00-00-00:00", true),
        _ => return None,
    };
    let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    if text.len() != form.len() || !text.bytes().zip(form.bytes()).all(fits) {
        return None;
    }
    let number =
        |from: usize, to: usize| text.as_bytes()[from..to].iter().fold(0_i16, |sum, digit| sum * 10 + i16::from(digit - b'0'));
    let part = |from: usize| i8::try_from(number(from, from + 2)).ok();
    let (hour, minute) = if has_time { (part(11)?, part(14)?) } else { (0, 0) };
    DateTime::new(number(0, 4), part(5)?, part(8)?, hour, minute, 0, 0).ok()
}

fn push_digits(text: &mut String, number: u16, width: u32) {
    for place in (0..width).rev() {
        let digit = u8::try_from(number / 10_u16.pow(place) % 10).unwrap_or(0);
        text.push(char::from(b'0' + digit));
    }
}
