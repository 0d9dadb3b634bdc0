//! Windows of time: hourly, daily, weekly, monthly, or by a cron expression.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::error::Result;

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
    /// From one time that a cron expression names to the next.
    Cron(String),
}

/// Windows of time from a start, each with a key: its start in local time.
///
/// `PartialEq` compares what was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeDef {
    // H1 decides the fields: every, start, end, zone, minute_offset, hour_offset, end_offset, format.
    pub(crate) every: Every,
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
    /// Windows from this start, written as a key is (`2023-01-01`, for hourly also `2023-01-01-05:00`), in UTC.
    ///
    /// # Errors
    /// If the start is no date, or the cron expression is none.
    pub fn new(every: Every, start: &str) -> Result<Self> {
        let _ = (every, start);
        unimplemented!()
    }

    /// In this time zone (an IANA name).
    ///
    /// # Errors
    /// If there is no such zone.
    pub fn zone(self, zone: &str) -> Result<Self> {
        let _ = zone;
        unimplemented!()
    }

    /// Only windows that begin before this (exclusive), written as the start is.
    ///
    /// # Errors
    /// If it is no date.
    pub fn end(self, end: &str) -> Result<Self> {
        let _ = end;
        unimplemented!()
    }

    /// Windows begin this many minutes after the hour, or hours and minutes after midnight.
    ///
    /// # Errors
    /// If it is not a time of day (or of an hour), or the definition is by cron.
    pub fn offset(self, hours: u8, minutes: u8) -> Result<Self> {
        let _ = (hours, minutes);
        unimplemented!()
    }

    /// How many windows beyond those that are over exist already (or, if negative, do not exist yet).
    #[must_use]
    pub fn end_offset(self, windows: i64) -> Self {
        let _ = windows;
        unimplemented!()
    }

    /// How keys are written (`strftime`).
    ///
    /// # Errors
    /// If two windows would have one key.
    pub fn format(self, format: &str) -> Result<Self> {
        let _ = format;
        unimplemented!()
    }

    /// The time zone.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        unimplemented!()
    }

    /// How many windows there are at this moment: those that are over, plus `end_offset`, and none from `end` on.
    #[must_use]
    pub fn count(&self, now: Timestamp) -> u64 {
        let _ = now;
        unimplemented!()
    }

    /// The window with this number, from 0; `None` where the calendar ends (or the declared end).
    #[must_use]
    pub fn window(&self, ordinal: u64) -> Option<Window> {
        let _ = ordinal;
        unimplemented!()
    }

    /// The key of the window with this number.
    #[must_use]
    pub fn key(&self, ordinal: u64) -> Option<String> {
        let _ = ordinal;
        unimplemented!()
    }

    /// The number of the window that this instant belongs to; `None` before the start or from the declared end on.
    #[must_use]
    pub fn at(&self, instant: Timestamp) -> Option<u64> {
        let _ = instant;
        unimplemented!()
    }

    /// The number of the window with this key.
    #[must_use]
    pub fn ordinal(&self, key: &str) -> Option<u64> {
        let _ = key;
        unimplemented!()
    }
}
