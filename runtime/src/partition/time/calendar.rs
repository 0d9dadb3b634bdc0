//! Daily, weekly and monthly windows: arithmetic on dates.

use std::sync::OnceLock;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::clock::{END, Resolved, civil, local, resolve};
use super::{Every, TimeDef};

const DAY: i64 = 86_400;

/// The boundaries of daily, weekly or monthly windows. Each has a *number* that the calendar gives it (of the day, the week or the
/// month); ordinals count from the first and leave out the days that a zone skipped when it changed sides of the date line.
pub(super) struct Calendar {
    tz: TimeZone,
    every: Every,
    time: Time,
    first: i64,
    /// The numbers of the days from the first on that did not exist.
    skipped: OnceLock<Vec<i64>>,
}

impl Calendar {
    pub(super) fn new(def: &TimeDef, start: i64) -> Self {
        let time = Time::new(i8_of(def.hours), i8_of(def.minutes), 0, 0).unwrap_or(Time::midnight());
        let mut calendar = Self { tz: def.tz.clone(), every: def.every.clone(), time, first: 0, skipped: OnceLock::new() };
        calendar.first = calendar.number_at(start).map_or(0, |number| {
            let (exact, skips) = calendar.resolve(number).map_or((false, false), |(at, skipped)| (at.at == start, skipped));
            if exact && !skips { number } else { number + 1 }
        });
        calendar
    }

    pub(super) fn start(&self, ordinal: u64) -> Option<i64> {
        self.resolve(self.number(ordinal)?).map(|(at, _)| at.at)
    }

    pub(super) fn at(&self, second: i64) -> Option<u64> {
        let number = self.number_at(second)?;
        let skipped = self.skipped().partition_point(|skipped| *skipped <= number);
        u64::try_from(number - self.first).ok()?.checked_sub(skipped as u64)
    }

    /// What the key of a window is made from: its start on the wall clock. Where clocks jumped from one date to the next over the
    /// boundary, the date is still the one that the boundary belongs to, so that it does not share it with the next.
    pub(super) fn key_time(&self, ordinal: u64) -> Option<DateTime> {
        let number = self.number(ordinal)?;
        let nominal = self.nominal(number)?;
        let (resolved, skipped) = self.resolve(number)?;
        let shown = self.tz.to_datetime(Timestamp::from_second(resolved.at).ok()?);
        Some(if shown.date() == nominal.date() || skipped { shown } else { nominal })
    }

    fn number(&self, ordinal: u64) -> Option<i64> {
        let mut number = self.first.checked_add(i64::try_from(ordinal).ok()?)?;
        for skipped in self.skipped() {
            number += i64::from(*skipped <= number);
        }
        Some(number)
    }

    /// The number of the last boundary at or before this second.
    fn number_at(&self, second: i64) -> Option<i64> {
        let date = self.tz.to_datetime(Timestamp::from_second(second).ok()?).date();
        let mut number = match &self.every {
            Every::Month(_) => i64::from(date.year()) * 12 + i64::from(date.month()) - 1,
            Every::Week(_) => (days(date) - self.week_shift()).div_euclid(7),
            _ => days(date),
        };
        let start = |number| self.resolve(number).map_or(i64::MAX, |(at, _)| at.at);
        while start(number + 1) <= second {
            number += 1;
        }
        while start(number) > second {
            number -= 1;
        }
        Some(number)
    }

    /// The boundary of a number as the calendar has it.
    fn nominal(&self, number: i64) -> Option<DateTime> {
        let date = match &self.every {
            Every::Month(day) => {
                let (year, month) = (number.div_euclid(12), number.rem_euclid(12) + 1);
                Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8_of(*day)).ok()?
            }
            Every::Week(_) => civil(number.checked_mul(7)?.checked_add(self.week_shift())?.checked_mul(DAY)?)?.date(),
            _ => civil(number.checked_mul(DAY)?)?.date(),
        };
        Some(date.to_datetime(self.time))
    }

    /// When a boundary is, and whether its whole day did not exist.
    fn resolve(&self, number: i64) -> Option<(Resolved, bool)> {
        let nominal = self.nominal(number)?;
        let resolved = resolve(&self.tz, nominal);
        let midnight = local(nominal.date().to_datetime(Time::midnight()));
        let skipped = resolved.jump.is_some_and(|(before, after)| before <= midnight && after >= midnight + DAY);
        (resolved.at < END).then_some((resolved, skipped))
    }

    fn skipped(&self) -> &[i64] {
        self.skipped.get_or_init(|| {
            if self.every != Every::Day {
                return Vec::new();
            }
            // Only a change by a day or more skips one, and no zone has a rule that does so again and again.
            let from = self.resolve(self.first).and_then(|(at, _)| Timestamp::from_second(at.at).ok());
            let transitions = from.iter().flat_map(|from| self.tz.following(*from));
            transitions
                .take_while(|transition| self.tz.to_datetime(transition.timestamp()).year() < 2100)
                .filter_map(|transition| {
                    let at = transition.timestamp();
                    let before = self.tz.to_offset(at.checked_sub(Span::new().seconds(1)).ok()?);
                    let (last, next) = (before.to_datetime(at).date(), self.tz.to_datetime(at).date());
                    (days(next) - days(last) > 0).then(|| (days(last)..days(next)).collect::<Vec<_>>())
                })
                .flatten()
                .filter(|number| *number >= self.first && self.resolve(*number).is_some_and(|(_, skipped)| skipped))
                .collect()
        })
    }

    /// The day number of the first boundary from the epoch's week on.
    fn week_shift(&self) -> i64 {
        let weekday = if let Every::Week(day) = self.every { i64::from(day) } else { 0 };
        weekday - i64::from(Weekday::Thursday.to_sunday_zero_offset())
    }
}

/// The number of days since the epoch.
fn days(date: Date) -> i64 {
    local(date.to_datetime(Time::midnight())).div_euclid(DAY)
}

fn i8_of(small: u8) -> i8 {
    i8::try_from(small).unwrap_or(i8::MAX)
}
