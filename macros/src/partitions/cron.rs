//! Cron expressions: five fields, each a list of values, ranges and steps. They mean what they mean to croner, which reads them
//! at run time.

use jiff::civil::{Date, DateTime, Time, date, time};

/// The times that an expression names.
pub(super) struct Cron {
    /// Of a day, in order.
    times: Vec<Time>,
    days: Vec<Part>,
    months: Vec<i8>,
    weekdays: Vec<Part>,
    /// Whether a day has to be among the days of the month and among those of the week. Otherwise one of the two is enough.
    both: bool,
}

/// A part of a list.
#[derive(Clone, Copy)]
enum Part {
    /// From one value to another, in steps.
    Range { first: i8, last: i8, step: i8 },
    /// The last day of a month.
    LastDay,
    /// The last of a weekday in a month.
    Last(i8),
    /// One of a weekday in a month, counted from 1.
    Nth(i8, i8),
}

/// A field: its name, its least and its greatest value, and the names that values have.
struct Field {
    name: &'static str,
    least: i8,
    most: i8,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of the month", least: 1, most: 31, names: &[] },
    Field {
        name: "month",
        least: 1,
        most: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    // Sunday is 0 and 7.
    Field { name: "day of the week", least: 0, most: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// Reads an expression, which has to name a time.
pub(super) fn parse(expression: &str) -> Result<Cron, String> {
    let written: Vec<&str> = expression.split_whitespace().collect();
    let &[minutes, hours, days, months, weekdays] = written.as_slice() else {
        let names = FIELDS.map(|field| field.name).join(", ");
        let count = written.len();
        return Err(format!("a cron expression has five fields ({names}), as in `0 3 * * *`; this one has {count}"));
    };
    let [minute, hour, day, month, weekday] = FIELDS;
    let (minutes, hours) = (minute.values(minutes)?, hour.values(hours)?);
    let (plus, weekdays) = weekdays.strip_prefix('+').map_or((false, weekdays), |weekdays| (true, weekdays));
    let cron = Cron {
        times: hours.iter().flat_map(|hour| minutes.iter().map(move |minute| time(*hour, *minute, 0, 0))).collect(),
        // Every day is among those of a `*`, so that the other field decides.
        both: plus || days == "*" || weekdays == "*",
        days: day.read(days)?,
        months: month.values(months)?,
        weekdays: weekday.read(weekdays)?,
    };
    match cron.next_from(date(2000, 1, 1).at(0, 0, 0, 0)) {
        Some(_) => Ok(cron),
        None => Err(format!("`{expression}` never comes: none of its months has such a day")),
    }
}

impl Cron {
    /// The first time that it names, from one on; `None` if there is none in the 400 years after which the calendar repeats.
    pub(super) fn next_from(&self, from: DateTime) -> Option<DateTime> {
        let later = self.times.iter().find(|time| **time >= from.time());
        if let Some(time) = later.filter(|_| self.names(from.date())) {
            return Some(from.date().to_datetime(*time));
        }
        let mut date = from.date().tomorrow().ok()?;
        while date.year() - from.year() <= 400 {
            if self.names(date) {
                return self.times.first().map(|time| date.to_datetime(*time));
            }
            // A month that is not named is passed over at once.
            let passed = if self.months.contains(&date.month()) { date } else { date.last_of_month() };
            date = passed.tomorrow().ok()?;
        }
        None
    }

    /// Whether its times come on this day.
    fn names(&self, date: Date) -> bool {
        let (day, weekday, last) = (date.day(), date.weekday().to_sunday_zero_offset(), date.days_in_month());
        let in_month = self.days.iter().any(|part| match part {
            Part::Range { .. } => part.has(day),
            Part::LastDay => day == last,
            Part::Last(_) | Part::Nth(..) => false,
        });
        let in_week = self.weekdays.iter().any(|part| match part {
            Part::Range { .. } => part.has(weekday) || (weekday == 0 && part.has(7)),
            Part::Last(of) => of % 7 == weekday && day + 7 > last,
            Part::Nth(of, which) => of % 7 == weekday && (day - 1) / 7 + 1 == *which,
            Part::LastDay => false,
        });
        let named = if self.both { in_month && in_week } else { in_month || in_week };
        named && self.months.contains(&date.month())
    }
}

impl Part {
    /// Whether it is a range with this value.
    fn has(self, value: i8) -> bool {
        matches!(self, Self::Range { first, last, step } if (first..=last).contains(&value) && (value - first) % step == 0)
    }
}

impl Field {
    /// The values that a list of nothing but ranges names, in order.
    fn values(&self, list: &str) -> Result<Vec<i8>, String> {
        let parts = self.read(list)?;
        Ok((self.least..=self.most).filter(|value| parts.iter().any(|part| part.has(*value))).collect())
    }

    /// The parts of a list.
    fn read(&self, list: &str) -> Result<Vec<Part>, String> {
        if list == "*" {
            return Ok(vec![self.all(1)]);
        }
        let read = |part: &str| self.part(part).map_err(|why| format!("`{part}` is no {}: {why}", self.name));
        list.split(',').map(read).collect()
    }

    fn part(&self, part: &str) -> Result<Part, String> {
        let Some((range, step)) = part.split_once('/') else {
            let single = |value| Part::Range { first: value, last: value, step: 1 };
            return match part.split_once('-') {
                Some((first, last)) => self.range(first, last, 1),
                None if part == "*" => Err("it stands alone, not in a list".to_owned()),
                None => self.special(part).map_or_else(|| self.value(part).map(single), Ok),
            };
        };
        let Some(step) = number(step).filter(|step| (1..=self.most).contains(step)) else {
            return Err(format!("a step is 1 to {}", self.most));
        };
        match range.split_once('-') {
            Some((first, last)) => self.range(first, last, step),
            None if range == "*" => Ok(self.all(step)),
            None => {
                let (first, last) = (self.value(range).unwrap_or(self.least), self.most);
                Err(format!("a step follows `*` or a range, as in `*/{step}` or `{first}-{last}/{step}`"))
            }
        }
    }

    fn all(&self, step: i8) -> Part {
        Part::Range { first: self.least, last: self.most, step }
    }

    fn range(&self, first: &str, last: &str, step: i8) -> Result<Part, String> {
        let first = self.value(first)?;
        // A week can begin on a Sunday and end on one.
        let sunday = self.most == 7 && last.eq_ignore_ascii_case("sun");
        let last = if sunday { 7 } else { self.value(last)? };
        if first > last { Err("the range ends before it begins".to_owned()) } else { Ok(Part::Range { first, last, step }) }
    }

    /// `L`, the last day of a month, and `5L` and `5#2`, the last and the second Friday of one.
    fn special(&self, text: &str) -> Option<Part> {
        let weekday = |day: &str| self.value(day).ok().filter(|_| self.most == 7);
        match text.strip_suffix(['L', 'l']) {
            Some("") => (self.most == 31).then_some(Part::LastDay),
            Some(day) => weekday(day).map(Part::Last),
            None => {
                let (day, which) = text.split_once('#')?;
                let which = number(which).filter(|which| (1..=5).contains(which))?;
                weekday(day).map(|day| Part::Nth(day, which))
            }
        }
    }

    fn value(&self, text: &str) -> Result<i8, String> {
        let name = text.to_lowercase();
        if let Some((_, value)) = self.names.iter().zip(self.least..).find(|(known, _)| **known == name) {
            return Ok(value);
        }
        number(text).filter(|value| (self.least..=self.most).contains(value)).ok_or_else(|| {
            let names = self.names.first().map(|first| format!(", or a name like `{first}`")).unwrap_or_default();
            format!("it is {} to {}{names}", self.least, self.most)
        })
    }
}

/// A number without a sign, which cron has none of.
fn number(text: &str) -> Option<i8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
