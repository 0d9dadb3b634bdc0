//! Windows of time: the options that say when they begin.

use std::collections::{BTreeSet, HashSet};
use std::iter;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use proc_macro2::Ident;
use syn::LitStr;

use super::cron::{self, Cron};
use super::{Kind, Mistaken};
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

    /// The cron expression of the same times on the wall clock.
    fn expression(&self, hour: u8, minute: u8) -> String {
        match self {
            Self::Hour => format!("{minute} * * * *"),
            Self::Day => format!("{minute} {hour} * * *"),
            Self::Week(weekday) => format!("{minute} {hour} * * {weekday}"),
            Self::Month(day) => format!("{minute} {hour} {day} * *"),
            Self::Cron(text) => text.value(),
        }
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
        _ => args.text("cron").cloned().map(Every::Cron),
    };
    let hours = number(args, "hour_offset", 0, 23, errors);
    let minutes = number(args, "minute_offset", 0, 59, errors);
    let times = every.as_ref().and_then(|every| {
        let times = cron::parse(&every.expression(hours.unwrap_or(0), minutes.unwrap_or(0)));
        // Of the other kinds, what is wrong with their numbers has been said.
        if let (Every::Cron(text), Err(message)) = (every, &times) {
            errors.at(text, message);
        }
        times.ok()
    });
    // Without a start, any will do.
    let from = start.as_ref().map_or(jiff::civil::date(2023, 1, 1).at(0, 0, 0, 0), |(_, from)| *from);
    check_format(args, every.as_ref().zip(times.as_ref()), from, errors);
    let end_offset = match args.get("end_offset") {
        Some(Value::Integer(number, _)) => Some(*number),
        _ => None,
    };
    match (every, start) {
        (Some(every), Some((start, _))) if errors.count() == before => Kind::Time(Time {
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
fn check_start(kind: &Ident, args: &Args, with_times: bool, errors: &mut Errors) -> Option<(LitStr, DateTime)> {
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
    start.map(|(text, start)| (text.clone(), start))
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

/// Whether keys of this format tell windows apart, if it is known which these are: those from a time on.
fn check_format(args: &Args, windows: Option<(&Every, &Cron)>, from: DateTime, errors: &mut Errors) {
    let Some(text) = args.text("format") else { return };
    let format = text.value();
    if key(&format, from, Offset::UTC).is_none() {
        errors.at(text, format!("`{format}` is no `strftime` format; write one like `%Y-%m-%d`"));
        return;
    }
    let zone = args.text("zone").and_then(|zone| TimeZoneDatabase::bundled().get(&zone.value()).ok()).unwrap_or(TimeZone::UTC);
    let mut seen = HashSet::new();
    for time in windows.map(|(every, times)| samples(every, times, from)).unwrap_or_default() {
        // A window that the clock jumps over or shows twice begins at another time or has another key, so that it says nothing.
        let AmbiguousOffset::Unambiguous { offset } = zone.to_ambiguous_timestamp(time).offset() else { continue };
        if let Some(twice) = key(&format, time, offset).and_then(|key| seen.replace(key)) {
            errors.at(text, format!("`{format}` is too coarse: two windows would have the key `{twice}`"));
            return;
        }
    }
}

/// The key of the window that begins at a time of the wall clock, written as the runtime writes it.
fn key(format: &str, time: DateTime, offset: Offset) -> Option<String> {
    let mut parts = BrokenDownTime::from(time);
    parts.set_offset(Some(offset));
    parts.set_timestamp(offset.to_timestamp(time).ok());
    let mut text = String::new();
    parts.format_with_config(&Config::new().lenient(false), format, &mut text).ok()?;
    Some(text)
}

/// Where windows begin between which any field that a format may leave out differs alone: many in a row, one a day for two
/// years, one a month for twenty, one a year for a hundred and ten, and by cron no farther than a hundred times that row. The
/// runtime chooses likewise.
fn samples(every: &Every, times: &Cron, from: DateTime) -> BTreeSet<DateTime> {
    let Some(first) = times.next_from(from) else { return BTreeSet::new() };
    let row = if matches!(every, Every::Hour) { 60 } else { 400 };
    let after = |time: &DateTime| times.next_from(time.checked_add(1.minute()).ok()?);
    let mut all: BTreeSet<DateTime> = iter::successors(Some(first), after).take(row).collect();
    let reach = match (every, all.last()) {
        (Every::Cron(_), Some(last)) => last.duration_since(first).as_hours() * 100,
        _ => i64::MAX,
    };
    let hours = (1..740_i64)
        .map(|days| days * 24)
        .chain((1..240).map(|months| months * 732))
        .chain((1..110).map(|years| years * 8766))
        .filter(|hours| *hours < reach);
    all.extend(hours.filter_map(|hours| times.next_from(first.checked_add(hours.hours()).ok()?)));
    all
}
