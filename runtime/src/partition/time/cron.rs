//! Windows between the times that a cron expression names, found one after the other and kept.

use std::sync::{PoisonError, RwLock};

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::tz::TimeZone;

use super::clock::{END, Stretch, civil, local};
use super::invalid;
use crate::error::Result;

/// Reads a cron expression: five fields, or six with seconds.
pub(super) fn parse(expression: &str) -> Result<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    parser.parse(expression).map_err(|source| {
        invalid(format!("`{expression}` is not a cron expression"))
            .help("write five fields: minute, hour, day of the month, month, weekday; for example `0 6 * * 1-5`")
            .source(source)
    })
}

/// Whether it names other seconds than the first of a minute.
pub(super) fn has_seconds(cron: &Cron) -> bool {
    cron.pattern.seconds.values() != [0]
}

/// The times that a cron expression names.
pub(super) struct Ticks {
    found: RwLock<Found>,
}

struct Found {
    ticks: Vec<i64>,
    /// `None` once there are no more.
    walk: Option<Walk>,
}

/// Where the search goes on.
struct Walk {
    tz: TimeZone,
    cron: Cron,
    /// Whether it names times of day, each of which comes once a day, whatever the clock does.
    once: bool,
    start: i64,
    stretch: Stretch,
    /// The next time on the wall clock to look at, as [`local`] counts.
    from: i64,
    /// The latest time that the wall clock has shown.
    shown: i64,
    /// A time that the clock jumped over, due now.
    due: Option<i64>,
}

impl Ticks {
    pub(super) fn new(tz: TimeZone, start: i64, expression: &str) -> Self {
        let walk = parse(expression).ok().map(|cron| {
            let stretch = Stretch::containing(&tz, start);
            let once = names_times_of_day(expression);
            let shown = stretch.end + stretch.offset;
            let mut walk = Walk { tz, cron, once, start, stretch, from: stretch.start + stretch.offset, shown, due: None };
            walk.from = walk.from.max(walk.earliest());
            walk
        });
        Self { found: RwLock::new(Found { ticks: Vec::new(), walk }) }
    }

    pub(super) fn start(&self, ordinal: u64) -> Option<i64> {
        let index = usize::try_from(ordinal).ok()?;
        self.with(|ticks| ticks.len() > index, |ticks| ticks.get(index).copied())
    }

    pub(super) fn at(&self, second: i64) -> Option<u64> {
        let enough = |ticks: &[i64]| ticks.last().is_some_and(|last| *last > second);
        self.with(enough, |ticks| ticks.partition_point(|tick| *tick <= second).checked_sub(1).map(|index| index as u64))
    }

    fn with<T>(&self, enough: impl Fn(&[i64]) -> bool, ask: impl Fn(&[i64]) -> T) -> T {
        {
            let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
            if enough(&found.ticks) || found.walk.is_none() {
                return ask(&found.ticks);
            }
        }
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        while !enough(&found.ticks) {
            let Some(tick) = found.walk.as_mut().and_then(Walk::next) else {
                found.walk = None;
                break;
            };
            found.ticks.push(tick);
        }
        ask(&found.ticks)
    }
}

impl Walk {
    fn next(&mut self) -> Option<i64> {
        loop {
            let tick = if let Some(due) = self.due.take() {
                due
            } else {
                let named = self.named(self.from)?;
                let tick = named - self.stretch.offset;
                if tick >= self.stretch.end {
                    self.enter_next()?;
                    continue;
                }
                self.from = named + 1;
                tick
            };
            if tick >= self.start {
                return (tick < END).then_some(tick);
            }
        }
    }

    /// What lies long before the start is of no interest; shortly before it clocks may have been put back.
    fn earliest(&self) -> i64 {
        self.start - 2 * 86_400 + self.stretch.offset
    }

    /// The first named time on the wall clock from one on.
    fn named(&self, from: i64) -> Option<i64> {
        self.cron.find_next_occurrence(&civil(from)?, true).ok().map(local)
    }

    fn enter_next(&mut self) -> Option<()> {
        self.stretch = self.stretch.next(&self.tz)?;
        let begins = self.stretch.start + self.stretch.offset;
        self.from = begins.max(self.earliest());
        if self.once {
            if begins > self.shown {
                // The jump makes good for all that it skips, unless the very time it leads to is named too.
                let (skipped, here) = (self.named(self.shown), self.named(begins));
                if skipped.is_some_and(|named| named < begins) && here != Some(begins) {
                    self.due = Some(self.stretch.start);
                }
            } else {
                self.from = self.from.max(self.shown);
            }
        }
        self.shown = self.shown.max(self.stretch.end + self.stretch.offset);
        Some(())
    }
}

/// Whether an expression names hours and minutes; as in Vixie's cron, one with a `*` for either does not.
fn names_times_of_day(expression: &str) -> bool {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    match fields.len() {
        1 => !expression.trim().eq_ignore_ascii_case("@hourly"),
        5 => !fields[..2].iter().any(|field| field.contains('*')),
        _ => !fields[..3].iter().any(|field| field.contains('*')),
    }
}
