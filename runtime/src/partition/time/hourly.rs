//! Hourly windows: arithmetic within each stretch in which the clock of the zone runs evenly.

use std::sync::{PoisonError, RwLock};

use jiff::tz::TimeZone;

use super::clock::Stretch;

const HOUR: i64 = 3600;

/// The boundaries of hourly windows: whenever the clock shows the minute. Where the clock is put back by an hour that is twice for
/// some hours, and where it jumps over the minute there is none.
pub(super) struct Hours {
    tz: TimeZone,
    start: i64,
    shift: i64,
    stretches: RwLock<Vec<Counted>>,
}

#[derive(Clone, Copy)]
struct Counted {
    stretch: Stretch,
    /// The first boundary in it, which may lie behind its end if there is none.
    first: i64,
    /// How many boundaries come before it.
    before: u64,
}

impl Counted {
    fn new(stretch: Stretch, start: i64, shift: i64, before: u64) -> Self {
        let from = stretch.start.max(start);
        let first = from + (shift - (from + stretch.offset)).rem_euclid(HOUR);
        Self { stretch, first, before }
    }

    fn after(&self) -> u64 {
        let span = self.stretch.end - self.first;
        self.before + if span > 0 { u64::try_from((span - 1) / HOUR + 1).unwrap_or(0) } else { 0 }
    }
}

impl Hours {
    pub(super) fn new(tz: TimeZone, start: i64, minutes: u8) -> Self {
        let shift = i64::from(minutes) * 60;
        let first = Counted::new(Stretch::containing(&tz, start), start, shift, 0);
        Self { tz, start, shift, stretches: RwLock::new(vec![first]) }
    }

    pub(super) fn start(&self, ordinal: u64) -> Option<i64> {
        self.with(
            |last| last.after() > ordinal,
            |all| {
                let counted = all[all.partition_point(|counted| counted.after() <= ordinal).min(all.len() - 1)];
                (ordinal < counted.after()).then(|| counted.first + i64::try_from(ordinal - counted.before).unwrap_or(0) * HOUR)
            },
        )
    }

    pub(super) fn at(&self, second: i64) -> Option<u64> {
        self.with(
            |last| last.stretch.end > second,
            |all| {
                let counted = all[all.partition_point(|counted| counted.stretch.start <= second).checked_sub(1)?];
                let second = second.min(counted.stretch.end - 1);
                match u64::try_from((second - counted.first).div_euclid(HOUR)) {
                    Ok(hours) => Some(counted.before + hours),
                    Err(_) => counted.before.checked_sub(1),
                }
            },
        )
    }

    /// Asks something of the stretches once there are enough of them.
    fn with<T>(&self, enough: impl Fn(&Counted) -> bool, ask: impl Fn(&[Counted]) -> T) -> T {
        {
            let stretches = self.stretches.read().unwrap_or_else(PoisonError::into_inner);
            if stretches.last().is_some_and(&enough) {
                return ask(&stretches);
            }
        }
        let mut stretches = self.stretches.write().unwrap_or_else(PoisonError::into_inner);
        while let Some(last) = stretches.last().filter(|last| !enough(last)) {
            let Some(next) = last.stretch.next(&self.tz) else { break };
            let next = Counted::new(next, self.start, self.shift, last.after());
            stretches.push(next);
        }
        ask(&stretches)
    }
}
