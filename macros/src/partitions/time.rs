//! Windows of time: the options that say when they begin.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZoneDatabase;
use proc_macro2::Ident;
use syn::LitStr;

use super::{Kind, Mistaken, cron};
use crate::args::{Args, Value};
use crate::diagnose::Errors;

/// Windows of time.
pub(crate) struct Time {
    pub(crate) every: Every,
    pub(crate) start: LitStr,
    pub(crate) end: Option<LitStr>,
    pub(crate) zone: Option<LitStr>,
    /// Hours and minutes.
    pub(crate) offset: Option<(u8, u8)>,
    pub(crate) end_offset: Option<i64>,
    pub(crate) format: Option<LitStr>,
}

/// How long they are.
pub(crate) enum Every {
    Hour,
    Day,
    Week(u8),
    Month(u8),
    Cron(LitStr),
}

impl Every {
    /// Whether a window is known by the day on which it begins.
    pub(crate) fn has_dates(&self) -> bool {
        matches!(self, Self::Day | Self::Week(_) | Self::Month(_))
    }
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// The kinds of definitions that have an option.
pub(crate) fn kinds_with(option: &str) -> &'static [&'static str] {
    match option {
        "start" | "end" | "zone" | "end_offset" | "format" => &["hourly", "daily", "weekly", "monthly", "cron"],
        "minute_offset" => &["hourly", "daily", "weekly", "monthly"],
        "hour_offset" => &["daily", "weekly", "monthly"],
        "weekday" => &["weekly"],
        "day" => &["monthly"],
        _ => &[],
    }
}

/// Checks the options of windows of time.
pub(crate) fn check(kind: &Ident, args: &Args, errors: &mut Errors) -> Kind {
    let before = errors.count();
    let word = kind.to_string();
    let with_times = word == "hourly" || word == "cron";
    let start = check_start(kind, args, with_times, errors);
    check_zone(args, errors);
    let every = match &*word {
        "hourly" => Some(Every::Hour),
        "daily" => Some(Every::Day),
        "weekly" => Some(Every::Week(weekday(args, errors))),
        "monthly" => Some(Every::Month(number(args, "day", 1, 28, errors).unwrap_or(1))),
        _ => args.text("cron").cloned().map(|text| {
            if let Err(message) = cron::check(&text.value()) {
                errors.at(&text, message);
            }
            Every::Cron(text)
        }),
    };
    let hours = number(args, "hour_offset", 0, 23, errors);
    let minutes = number(args, "minute_offset", 0, 59, errors);
    check_format(&word, args, errors);
    let end_offset = match args.get("end_offset") {
        Some(Value::Integer(number, _)) => Some(*number),
        _ => None,
    };
    match (every, start) {
        (Some(every), Some(start)) if errors.count() == before => Kind::Time(Time {
            every,
            start,
            end: args.text("end").cloned(),
            zone: args.text("zone").cloned(),
            offset: (hours.is_some() || minutes.is_some()).then(|| (hours.unwrap_or(0), minutes.unwrap_or(0))),
            end_offset,
            format: args.text("format").cloned(),
        }),
        _ => Kind::Mistaken(if with_times { Mistaken::Moment } else { Mistaken::Date }),
    }
}

/// The start, which has to come before the end.
fn check_start(kind: &Ident, args: &Args, with_times: bool, errors: &mut Errors) -> Option<LitStr> {
    if args.ident("start").is_none() {
        errors.at(kind, format!("`{kind}` needs a start: `start = \"2023-01-01\"`"));
    }
    let start = args.text("start").and_then(|text| Some((text, moment(text, with_times, errors)?)));
    let end = args.text("end").and_then(|text| Some((text, moment(text, with_times, errors)?)));
    if let (Some((_, start)), Some((text, end))) = (start, end)
        && end <= start
    {
        errors.at(text, "the end is not after the start, so there would be no partitions");
    }
    start.map(|(text, _)| text.clone())
}

/// A moment on the wall clock, if the text is one.
fn moment(text: &LitStr, with_times: bool, errors: &mut Errors) -> Option<DateTime> {
    let written = text.value();
    let exact = |format: &str, moment: DateTime| moment.strftime(format).to_string() == written;
    let day = Date::strptime("%Y-%m-%d", &written).ok().map(|date| date.to_datetime(jiff::civil::Time::midnight()));
    if let Some(day) = day.filter(|day| exact("%Y-%m-%d", *day)) {
        return Some(day);
    }
    let time = DateTime::strptime("%Y-%m-%d-%H:%M", &written).ok().filter(|time| exact("%Y-%m-%d-%H:%M", *time));
    let looks_right = |pattern: &str| {
        let same = |(a, b): (char, char)| if b == '0' { a.is_ascii_digit() } else { a == b };
        written.chars().count() == pattern.len() && written.chars().zip(pattern.chars()).all(same)
    };
    let message = match time {
        Some(time) if with_times => return Some(time),
        Some(_) => format!("`{written}` has a time of day, which these windows take from `hour_offset` and `minute_offset`"),
        None if looks_right("0000-00-00") || (with_times && looks_right("0000-00-00-00:00")) => {
            format!("`{written}` is not in the calendar")
        }
        None if with_times => format!("`{written}` is no date; write it like `2023-01-31` or `2023-01-31-05:00`"),
        None => format!("`{written}` is no date; write it like `2023-01-31`"),
    };
    errors.at(text, message);
    None
}

fn check_zone(args: &Args, errors: &mut Errors) {
    let Some(text) = args.text("zone") else { return };
    let zone = text.value();
    let known: Vec<String> = TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect();
    if known.contains(&zone) {
        return;
    }
    // Zones are often written without their region, or in other cases.
    let wanted = zone.to_lowercase().replace(' ', "_");
    let distance = |name: &String| {
        let name = name.to_lowercase();
        let city = name.rsplit('/').next().unwrap_or_default();
        strsim::damerau_levenshtein(&wanted, &name).min(strsim::damerau_levenshtein(&wanted, city))
    };
    let near = known.iter().map(|name| (distance(name), name)).min().filter(|(distance, _)| *distance <= wanted.len().max(3) / 3);
    let fix = match near {
        Some((_, name)) => format!("; did you mean `{name}`?"),
        None => "; write the name of an IANA zone, for example `Europe/Berlin`".to_owned(),
    };
    errors.at(text, format!("there is no time zone `{zone}`{fix}"));
}

fn weekday(args: &Args, errors: &mut Errors) -> u8 {
    let Some(Value::Text(text)) = args.get("weekday") else {
        return number(args, "weekday", 0, 6, errors).unwrap_or(0);
    };
    let written = text.value().to_lowercase();
    let found = WEEKDAYS.iter().zip(0..).find(|(name, _)| **name == written || name[..3] == written);
    if let Some((_, number)) = found {
        return number;
    }
    let near = crate::diagnose::suggestion(&written, "days", WEEKDAYS.iter().copied());
    errors.at(text, format!("`{}` is no day of the week{near}", text.value()));
    0
}

fn number(args: &Args, name: &str, least: i64, most: i64, errors: &mut Errors) -> Option<u8> {
    let Some(Value::Integer(number, token)) = args.get(name) else { return None };
    if !(least..=most).contains(number) {
        let why = if name == "day" { ", so that every month has it" } else { "" };
        errors.at(token, format!("`{name}` is {least} to {most}{why}, not {number}"));
    }
    u8::try_from(*number).ok()
}

/// Whether keys of this format tell two windows apart.
fn check_format(kind: &str, args: &Args, errors: &mut Errors) {
    let Some(text) = args.text("format") else { return };
    let format = text.value();
    let sample = |month: i8, day: i8, hour: i8| {
        let at = jiff::civil::date(2023, month, day).at(hour, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        jiff::fmt::strtime::format(&format, &at).ok()
    };
    let Some(first) = sample(1, 1, 0) else {
        errors.at(text, format!("`{format}` is no `strftime` format; write one like `%Y-%m-%d`"));
        return;
    };
    // What a window has to be told apart from: the next, and the same a day, a month or a year later.
    let next = match kind {
        "hourly" | "cron" => [sample(1, 1, 1), sample(1, 2, 0), sample(2, 1, 0)],
        "monthly" => [sample(2, 1, 0), sample(3, 1, 0), sample(12, 1, 0)],
        _ => [sample(1, 8, 0), sample(1, 15, 0), sample(2, 1, 0)],
    };
    let year = jiff::civil::date(2024, 1, 1).at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok();
    let year = year.and_then(|year| jiff::fmt::strtime::format(&format, &year).ok());
    let day = (kind == "daily").then(|| sample(1, 2, 0)).flatten();
    if next.into_iter().flatten().chain(year).chain(day).any(|other| other == first) {
        errors.at(text, format!("`{format}` is too coarse: two windows would have the key `{first}`"));
    }
}
