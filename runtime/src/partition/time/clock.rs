//! Boundaries as whole seconds since the epoch, for each kind of window, and how the wall clock of a zone maps to them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::calendar::Calendar;
use super::cron::Ticks;
use super::hourly::Hours;
use super::{Every, TimeDef};

/// Where windows begin.
pub(super) enum Clock {
    Calendar(Calendar),
    Hours(Hours),
    Cron(Box<Ticks>),
}

impl Clock {
    pub(super) fn new(def: &TimeDef) -> Self {
        let start = def.start.instant(&def.tz);
        match &def.every {
            Every::Hour => Self::Hours(Hours::new(def.tz.clone(), start, def.minutes)),
            Every::Cron(expression) => Self::Cron(Box::new(Ticks::new(def.tz.clone(), start, expression))),
            Every::Day | Every::Week(_) | Every::Month(_) => Self::Calendar(Calendar::new(def, start)),
        }
    }

    /// Where the window with this number begins; `None` where the calendar ends.
    pub(super) fn start(&self, ordinal: u64) -> Option<i64> {
        match self {
            Self::Calendar(calendar) => calendar.start(ordinal),
            Self::Hours(hours) => hours.start(ordinal),
            Self::Cron(ticks) => ticks.start(ordinal),
        }
    }

    /// The number of the last window that begins at or before this second.
    pub(super) fn at(&self, second: i64) -> Option<u64> {
        match self {
            Self::Calendar(calendar) => calendar.at(second),
            Self::Hours(hours) => hours.at(second),
            Self::Cron(ticks) => ticks.at(second),
        }
    }
}

/// A time on a wall clock in seconds, as if the clock were that of UTC.
pub(super) fn local(civil: DateTime) -> i64 {
    // Every civil time but those of the calendar's last day is an instant of UTC.
    Offset::UTC.to_timestamp(civil).map_or(Timestamp::MAX.as_second(), Timestamp::as_second)
}

/// The reverse of [`local`].
pub(super) fn civil(local: i64) -> Option<DateTime> {
    Timestamp::from_second(local).ok().map(|instant| Offset::UTC.to_datetime(instant))
}

/// When a wall clock shows a time.
pub(super) struct Resolved {
    /// The (first) instant, or the first after the clock jumped over the time.
    pub(super) at: i64,
    /// If the clock jumped over the time: what it would have shown at that instant, and what it showed.
    pub(super) jump: Option<(i64, i64)>,
}

/// When the wall clock of a zone shows a time.
pub(super) fn resolve(tz: &TimeZone, time: DateTime) -> Resolved {
    let shown = local(time);
    let plain = |offset: Offset| Resolved { at: shown - i64::from(offset.seconds()), jump: None };
    match tz.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => plain(offset),
        AmbiguousOffset::Fold { before, .. } => plain(before),
        AmbiguousOffset::Gap { before, after } => {
            // With the later offset the time lies before the jump, so the jump is what follows.
            let earlier = shown - i64::from(after.seconds());
            match Timestamp::from_second(earlier).ok().and_then(|instant| next_transition(tz, instant.as_second())) {
                Some((at, _)) => Resolved { at, jump: Some((at + i64::from(before.seconds()), at + i64::from(after.seconds()))) },
                None => plain(before),
            }
        }
    }
}

/// The next change of a zone's clock after this second, and its offset from there on.
pub(super) fn next_transition(tz: &TimeZone, second: i64) -> Option<(i64, i32)> {
    let instant = Timestamp::from_second(second).ok()?;
    tz.following(instant).next().map(|transition| (transition.timestamp().as_second(), transition.offset().seconds()))
}

/// A stretch of time in which a zone's clock runs evenly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) start: i64,
    /// Where the next begins.
    pub(super) end: i64,
    pub(super) offset: i64,
}

impl Stretch {
    /// The stretch that a second lies in, or the one before if clocks were just put back, so that what it repeats is known.
    pub(super) fn containing(tz: &TimeZone, second: i64) -> Self {
        let instant = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        let start = tz.preceding(instant).nth(1).map_or(Timestamp::MIN, |transition| transition.timestamp());
        Self::from(tz, start.as_second(), tz.to_offset(start).seconds())
    }

    /// The next, unless this is the last.
    pub(super) fn next(&self, tz: &TimeZone) -> Option<Self> {
        let offset = tz.to_offset(Timestamp::from_second(self.end).ok()?).seconds();
        (self.end < END).then(|| Self::from(tz, self.end, offset))
    }

    fn from(tz: &TimeZone, start: i64, offset: i32) -> Self {
        Self { start, end: next_transition(tz, start).map_or(END, |(at, _)| at), offset: i64::from(offset) }
    }
}

/// Where the calendar ends: the last day of the year 9999 is left out, so that every time has a wall clock in every zone.
pub(super) const END: i64 = 253_402_117_200;
