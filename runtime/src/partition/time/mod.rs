//! Windows of time: hourly, daily, weekly, monthly, or by a cron expression.

mod calendar;
mod clock;
mod cron;
mod hourly;
mod keys;

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use self::clock::Clock;
pub(super) use self::keys::Place;
use crate::error::{Error, ErrorKind, Result};

/// How long the windows are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Every {
    /// From one full hour (plus minutes) to the next.
    Hour,
    /// From midnight (plus hours and minutes) to the next.
    Day,
    /// From one weekday (0 is Sunday) to the next.
    Week(u8),
    /// From one day of the month (1 to 28) to the next.
    Month(u8),
    /// From one time that a cron expression names to the next. An expression with a `*` for the hour or the minute counts both
    /// occurrences of a repeated local time and none that is skipped; any other names a time of day, which comes once a day.
    Cron(String),
}

/// Windows of time from a start, each with a key: its start in local time.
///
/// The windows tile time: each ends where the next begins, also where clocks change. Of a daily, weekly or monthly boundary that comes
/// twice the first counts, and one that clocks jump over moves to the first instant after the jump. Hours count as often as the clock
/// shows them, so a day has 23 or 25 then; the key of the second of two has its offset: `2010-11-07-01:00-0800`.
///
/// `PartialEq` compares what was declared.
///
/// ```
/// use lakewright::partition::{Every, TimeDef};
///
/// let days = TimeDef::new(Every::Day, "2023-01-01")?.zone("Europe/Berlin")?;
/// assert_eq!(days.key(1).as_deref(), Some("2023-01-02"));
/// assert_eq!(days.ordinal("2023-01-02"), Some(1));
/// assert_eq!(days.at("2023-01-01T23:30:00Z".parse().unwrap()), Some(1));
/// # Ok::<(), lakewright::Error>(())
/// ```
#[derive(Clone)]
pub struct TimeDef {
    pub(crate) every: Every,
    start: Declared,
    end: Option<Declared>,
    zone: String,
    tz: TimeZone,
    hours: u8,
    minutes: u8,
    end_offset: i64,
    format: String,
    /// What follows from the fields above; shared by clones, replaced by every setter.
    lazy: Arc<Lazy>,
}

/// A time as it was declared: on the wall clock, with an offset if it says which of two it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Declared {
    civil: DateTime,
    offset: Option<Offset>,
}

#[derive(Default)]
struct Lazy {
    clock: OnceLock<Clock>,
    limit: OnceLock<u64>,
}

/// One window: what is at or after `start` and before `end` belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub start: Timestamp,
    /// Where the next begins.
    pub end: Timestamp,
    /// `start` on the wall clock of the definition's zone.
    pub civil_start: DateTime,
    /// `end` on the wall clock of the definition's zone.
    pub civil_end: DateTime,
}

impl TimeDef {
    /// Windows from this start, written as a key is (`2023-01-01`, for hourly also `2023-01-01-05:00`), in UTC. If no window begins
    /// there, the first is the next that does.
    ///
    /// # Errors
    /// If the start is no date, the weekday or the day of the month is none, or the cron expression is none or never comes.
    pub fn new(every: Every, start: &str) -> Result<Self> {
        match &every {
            Every::Week(day) if *day > 6 => {
                return Err(invalid(format!("`{day}` is not a weekday")).help("0 is Sunday, 6 is Saturday"));
            }
            Every::Month(day) if !(1..=28).contains(day) => {
                return Err(
                    invalid(format!("windows cannot begin on day `{day}` of every month")).help("choose a day from 1 to 28")
                );
            }
            _ => {}
        }
        let format = match &every {
            Every::Day | Every::Week(_) | Every::Month(_) => keys::DATE,
            Every::Cron(expression) if cron::has_seconds(&cron::parse(expression)?) => keys::SECOND,
            Every::Hour | Every::Cron(_) => keys::MINUTE,
        };
        let def = Self {
            every,
            start: Declared::parse(start, "start")?,
            end: None,
            zone: "UTC".to_owned(),
            tz: TimeZone::UTC,
            hours: 0,
            minutes: 0,
            end_offset: 0,
            format: format.to_owned(),
            lazy: Arc::default(),
        };
        match &def.every {
            Every::Cron(expression) if def.raw(0).is_none() => {
                Err(invalid(format!("the cron expression `{expression}` names no time after `{start}`")))
            }
            _ => Ok(def),
        }
    }

    /// In this time zone (an IANA name).
    ///
    /// # Errors
    /// If there is no such zone.
    pub fn zone(mut self, zone: &str) -> Result<Self> {
        self.tz = TimeZone::get(zone).map_err(|source| {
            invalid(format!("there is no time zone `{zone}`"))
                .help("write an IANA name, for example `Europe/Berlin`")
                .source(source)
        })?;
        zone.clone_into(&mut self.zone);
        Ok(self.changed())
    }

    /// Only windows that begin before this (exclusive), written as the start is.
    ///
    /// # Errors
    /// If it is no date.
    pub fn end(mut self, end: &str) -> Result<Self> {
        self.end = Some(Declared::parse(end, "end")?);
        Ok(self.changed())
    }

    /// Windows begin this many minutes after the hour, or hours and minutes after midnight.
    ///
    /// # Errors
    /// If it is not a time of day (or of an hour), or the definition is by cron.
    pub fn offset(mut self, hours: u8, minutes: u8) -> Result<Self> {
        if let Every::Cron(expression) = &self.every {
            return Err(invalid("a cron expression takes no offset").help(format!("write it into `{expression}`")));
        }
        if self.every == Every::Hour && hours > 0 {
            return Err(invalid("hourly windows take no offset of hours").help("leave the hours out; minutes are fine"));
        }
        if hours > 23 || minutes > 59 {
            return Err(invalid(format!("{hours} hours and {minutes} minutes are not a time of day"))
                .help("hours go from 0 to 23, minutes from 0 to 59"));
        }
        (self.hours, self.minutes) = (hours, minutes);
        Ok(self.changed())
    }

    /// How many windows beyond those that are over exist already (or, if negative, do not exist yet).
    #[must_use]
    pub fn end_offset(mut self, windows: i64) -> Self {
        self.end_offset = windows;
        self.changed()
    }

    /// How keys are written (`strftime`).
    ///
    /// # Errors
    /// If two windows would have one key, or a window cannot be told from its key.
    pub fn format(mut self, format: &str) -> Result<Self> {
        format.clone_into(&mut self.format);
        let def = self.changed();
        def.check_format()?;
        Ok(def)
    }

    /// The time zone.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        &self.tz
    }

    /// How many windows there are at this moment: those that are over, plus `end_offset`, and none from `end` on.
    #[must_use]
    pub fn count(&self, now: Timestamp) -> u64 {
        // The window that `now` is in is not over, so its number is how many are.
        let over = self.clock().at(seconds(now)).unwrap_or(0);
        over.saturating_add_signed(self.end_offset).min(self.limit())
    }

    /// The window with this number, from 0; `None` where the calendar ends (or the declared end).
    #[must_use]
    pub fn window(&self, ordinal: u64) -> Option<Window> {
        (ordinal < self.limit()).then(|| self.raw(ordinal)).flatten()
    }

    /// The key of the window with this number.
    #[must_use]
    pub fn key(&self, ordinal: u64) -> Option<String> {
        (ordinal < self.limit()).then(|| self.raw_key(ordinal)).flatten()
    }

    /// The number of the window that this instant belongs to; `None` before the start or from the declared end on.
    #[must_use]
    pub fn at(&self, instant: Timestamp) -> Option<u64> {
        let ordinal = self.clock().at(seconds(instant))?;
        (ordinal < self.limit() && self.clock().start(ordinal + 1).is_some()).then_some(ordinal)
    }

    /// The number of the window with this key.
    #[must_use]
    pub fn ordinal(&self, key: &str) -> Option<u64> {
        match self.place(key) {
            Place::At(ordinal) => Some(ordinal),
            _ => None,
        }
    }

    /// What it is, for messages: `daily windows`.
    pub(super) fn describe(&self) -> String {
        let what = match &self.every {
            Every::Hour => "hourly windows".to_owned(),
            Every::Day => "daily windows".to_owned(),
            Every::Week(_) => "weekly windows".to_owned(),
            Every::Month(_) => "monthly windows".to_owned(),
            Every::Cron(expression) => format!("windows by the cron expression `{expression}`"),
        };
        if self.zone == "UTC" { what } else { format!("{what} of {}", self.zone) }
    }

    /// The numbers of the windows that overlap what lies between these two instants.
    pub(super) fn overlapping(&self, start: Timestamp, end: Timestamp) -> Option<(u64, u64)> {
        let last = self.clock().at(seconds(end) - 1)?;
        Some((self.clock().at(seconds(start)).unwrap_or(0), last))
    }

    /// The last window there can ever be, if the definition has an end.
    #[must_use]
    pub fn last(&self) -> Option<Window> {
        self.end.as_ref().and_then(|_| self.raw(self.limit().checked_sub(1)?))
    }

    /// How many windows there can ever be.
    pub(super) fn limit(&self) -> u64 {
        *self.lazy.limit.get_or_init(|| match &self.end {
            None => u64::MAX,
            Some(end) => self.clock().at(end.instant(&self.tz) - 1).map_or(0, |last| last + 1),
        })
    }

    /// As [`window`](Self::window), without regard to the declared end.
    fn raw(&self, ordinal: u64) -> Option<Window> {
        let instant = |ordinal| self.clock().start(ordinal).and_then(|second| Timestamp::from_second(second).ok());
        let (start, end) = (instant(ordinal)?, instant(ordinal.checked_add(1)?)?);
        Some(Window { start, end, civil_start: self.tz.to_datetime(start), civil_end: self.tz.to_datetime(end) })
    }

    fn clock(&self) -> &Clock {
        self.lazy.clock.get_or_init(|| Clock::new(self))
    }

    fn changed(mut self) -> Self {
        self.lazy = Arc::default();
        self
    }
}

impl PartialEq for TimeDef {
    fn eq(&self, other: &Self) -> bool {
        self.every == other.every
            && self.start == other.start
            && self.end == other.end
            && self.zone == other.zone
            && (self.hours, self.minutes) == (other.hours, other.minutes)
            && self.end_offset == other.end_offset
            && self.format == other.format
    }
}

impl Eq for TimeDef {}

impl fmt::Debug for TimeDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeDef")
            .field("every", &self.every)
            .field("start", &self.start)
            .field("end", &self.end)
            .field("zone", &self.zone)
            .field("hours", &self.hours)
            .field("minutes", &self.minutes)
            .field("end_offset", &self.end_offset)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl Declared {
    fn parse(text: &str, what: &str) -> Result<Self> {
        let civil = |text: &str| {
            [keys::MINUTE, keys::SECOND]
                .iter()
                .find_map(|format| DateTime::strptime(format, text).ok())
                .or_else(|| text.parse().ok())
        };
        let with_offset = || {
            let (head, offset) = keys::split_offset(text)?;
            Some(Self { civil: civil(head)?, offset: Some(offset) })
        };
        civil(text).map(|civil| Self { civil, offset: None }).or_else(with_offset).ok_or_else(|| {
            invalid(format!("the {what} `{text}` is not a date")).help("write it as `2023-01-31` or `2023-01-31-05:00`")
        })
    }

    fn instant(&self, tz: &TimeZone) -> i64 {
        match self.offset {
            Some(offset) => clock::local(self.civil) - i64::from(offset.seconds()),
            None => clock::resolve(tz, self.civil).at,
        }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Partitions, message)
}

/// Whole seconds, rounded down; boundaries are whole seconds, so nothing is lost.
fn seconds(instant: Timestamp) -> i64 {
    instant.as_second() - i64::from(instant.subsec_nanosecond() < 0)
}
