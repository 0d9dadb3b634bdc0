//! Windows of time: they tile it in every zone, each has a key of its own, and clocks that change lose and double none.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has failed where it says")]

use std::collections::HashSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lakewright::partition::{Every, TimeDef};

const ZONES: &[&str] = &[
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Tehran",
    "Europe/London",
    "America/St_Johns",
    "America/Scoresbysund",
];

fn def(every: Every, start: &str, zone: &str) -> TimeDef {
    TimeDef::new(every, start).unwrap().zone(zone).unwrap()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn keys(def: &TimeDef, from: &str, to: &str) -> Vec<String> {
    let first = def.at(instant(from)).unwrap();
    let last = def.at(instant(to).checked_sub(SignedDuration::from_nanos(1)).unwrap()).unwrap();
    (first..=last).map(|ordinal| def.key(ordinal).unwrap()).collect()
}

/// Every window from one instant to another: each begins where the one before ended, and everything leads back to its number.
fn check_tiles(def: &TimeDef, until: &str, step: u64) {
    let nano = SignedDuration::from_nanos(1);
    let mut seen = HashSet::new();
    let mut ordinal = 0;
    loop {
        let window = def.window(ordinal).unwrap();
        assert!(window.start < window.end, "{def:?} {ordinal} is empty: {window:?}");
        if let Some(next) = def.window(ordinal + 1) {
            assert_eq!(window.end, next.start, "{def:?} {ordinal}");
            assert_eq!(window.civil_end, next.civil_start, "{def:?} {ordinal}");
        }
        let key = def.key(ordinal).unwrap();
        assert_eq!(def.ordinal(&key), Some(ordinal), "{def:?} {key}");
        assert_eq!(def.at(window.start), Some(ordinal), "{def:?} {key}");
        assert_eq!(def.at(window.start.checked_add(nano).unwrap()), Some(ordinal), "{def:?} {key}");
        assert_eq!(def.at(window.end.checked_sub(nano).unwrap()), Some(ordinal), "{def:?} {key}");
        assert_eq!(def.at(window.end), Some(ordinal + 1), "{def:?} {key}");
        assert_eq!(def.count(window.end), ordinal + 1, "{def:?} {key}");
        assert_eq!(def.count(window.end.checked_sub(nano).unwrap()), ordinal, "{def:?} {key}");
        assert!(seen.insert(key.clone()), "{def:?} has the key {key} twice");
        if window.start > instant(until) {
            break;
        }
        ordinal += step;
    }
}

fn check_calendar(every: &[Every], hours: u8, minutes: u8) {
    for zone in ZONES {
        for every in every {
            let def = def(every.clone(), "2005-01-01", zone).offset(hours, minutes).unwrap();
            check_tiles(&def, "2015-02-01T00:00:00Z", 1);
        }
    }
}

#[test]
fn days_tile_ten_years_in_every_zone() {
    check_calendar(&[Every::Day], 0, 0);
}

#[test]
fn days_from_the_small_hours_tile_ten_years_in_every_zone() {
    check_calendar(&[Every::Day], 2, 30);
}

#[test]
fn days_from_late_in_the_evening_tile_ten_years_in_every_zone() {
    check_calendar(&[Every::Day], 23, 0);
}

#[test]
fn weeks_and_months_tile_ten_years_in_every_zone() {
    check_calendar(&[Every::Week(0), Every::Month(1)], 0, 0);
    check_calendar(&[Every::Week(5), Every::Month(28)], 3, 15);
}

#[test]
fn hours_tile_in_every_zone() {
    for zone in ZONES {
        for minutes in [0, 45] {
            let def = def(Every::Hour, "2010-01-01", zone).offset(0, minutes).unwrap();
            // Each window of the two years around a change of the date line, and some of ten.
            check_tiles(&def, "2010-04-15T00:00:00Z", 1);
            check_tiles(&def, "2020-01-01T00:00:00Z", 29);
        }
    }
}

#[test]
fn cron_windows_tile_in_every_zone() {
    for zone in ZONES {
        for expression in ["30 2 * * *", "0 6 * * 1-5", "15,45 */6 * * *", "0 0 1 */3 *", "10 1 * * 7"] {
            check_tiles(&def(Every::Cron(expression.into()), "2010-01-01", zone), "2011-06-01T00:00:00Z", 1);
        }
    }
}

#[test]
fn local_mean_time_with_seconds_tiles() {
    // When the zone changed from (one) local mean time, by minutes and seconds or across the date line.
    for (zone, from, until) in [
        ("Europe/Amsterdam", "1937-01-01", "1940-06-01T00:00:00Z"),
        ("America/New_York", "1883-01-01", "1884-01-01T00:00:00Z"),
        ("Asia/Manila", "1844-06-01", "1845-06-01T00:00:00Z"),
        ("America/Sitka", "1867-01-01", "1868-01-01T00:00:00Z"),
    ] {
        check_tiles(&def(Every::Day, from, zone), until, 1);
        check_tiles(&def(Every::Hour, from, zone), until, 3);
        check_tiles(&def(Every::Day, "1840-01-01", zone), "1990-01-01T00:00:00Z", 31);
    }
    check_tiles(&def(Every::Hour, "1883-11-17", "America/New_York"), "1883-11-20T00:00:00Z", 1);
}

#[test]
fn a_repeated_hour_has_two_keys_and_a_skipped_one_none() {
    let hours = def(Every::Hour, "2010-01-01", "America/Los_Angeles");
    let expected = ["2010-11-07-00:00", "2010-11-07-01:00", "2010-11-07-01:00-0800", "2010-11-07-02:00"];
    assert_eq!(keys(&hours, "2010-11-07T07:00:00Z", "2010-11-07T11:00:00Z"), expected);
    assert_eq!(keys(&hours, "2010-11-07T07:00:00Z", "2010-11-08T08:00:00Z").len(), 25);
    assert_eq!(keys(&hours, "2010-03-14T09:00:00Z", "2010-03-14T11:00:00Z"), ["2010-03-14-01:00", "2010-03-14-03:00"]);
    assert_eq!(keys(&hours, "2010-03-14T08:00:00Z", "2010-03-15T07:00:00Z").len(), 23);
    let second = hours.window(hours.ordinal("2010-11-07-01:00-0800").unwrap()).unwrap();
    assert_eq!(second.start, instant("2010-11-07T09:00:00Z"));
    // One window has one text.
    for text in ["2010-11-07-01:00-0700", "2010-11-07-00:00-0700", "2010-11-07-02:00-0800", "2010-03-14-02:00", "2010-11-7-01:00"]
    {
        assert_eq!(hours.ordinal(text), None, "{text}");
    }
}

#[test]
fn half_an_hour_of_daylight_saving() {
    let hours = def(Every::Hour, "2010-01-01", "Australia/Lord_Howe");
    // Back by half an hour at two: that two o'clock comes only after it.
    let day = keys(&hours, "2010-04-03T13:00:00Z", "2010-04-04T13:30:00Z");
    assert_eq!((day.len(), day[1].as_str(), day[2].as_str()), (24, "2010-04-04-01:00", "2010-04-04-02:00"));
    // On by half an hour at two: there is no two o'clock.
    let day = keys(&hours, "2010-10-02T13:30:00Z", "2010-10-03T13:00:00Z");
    assert_eq!((day.len(), day[1].as_str(), day[2].as_str()), (23, "2010-10-03-01:00", "2010-10-03-03:00"));
    // What begins at a quarter to comes twice.
    let hours = hours.offset(0, 45).unwrap();
    let day = keys(&hours, "2010-04-03T14:45:00Z", "2010-04-03T16:15:00Z");
    assert_eq!(day, ["2010-04-04-01:45", "2010-04-04-01:45+1030"]);
}

#[test]
fn a_day_that_did_not_exist_has_no_key() {
    for hours in [0, 5, 23] {
        let days = def(Every::Day, "2011-12-01", "Pacific/Apia").offset(hours, 0).unwrap();
        assert_eq!(days.ordinal("2011-12-30"), None);
        let (before, after) = (days.ordinal("2011-12-29").unwrap(), days.ordinal("2011-12-31").unwrap());
        assert_eq!(before + 1, after);
        assert_eq!(days.key(31).as_deref(), Some("2012-01-02"), "one day less than the calendar has");
    }
    // A week and a month that would begin on it begin when the clock ran on.
    let weeks = def(Every::Week(5), "2011-12-01", "Pacific/Apia");
    let expected = ["2011-12-23", "2011-12-31", "2012-01-06"];
    assert_eq!(keys(&weeks, "2011-12-24T00:00:00Z", "2012-01-07T00:00:00Z"), expected);
}

#[test]
fn a_boundary_that_the_clock_jumps_over_moves_behind_the_jump() {
    let days = def(Every::Day, "2010-01-01", "America/New_York").offset(2, 30).unwrap();
    let window = days.window(days.ordinal("2010-03-14").unwrap()).unwrap();
    assert_eq!(window.start, instant("2010-03-14T07:00:00Z"));
    assert_eq!(window.civil_start.to_string(), "2010-03-14T03:00:00");
    // Midnight itself, in Brazil.
    let days = def(Every::Day, "2010-01-01", "America/Sao_Paulo");
    let window = days.window(days.ordinal("2010-10-17").unwrap()).unwrap();
    assert_eq!(window.civil_start.to_string(), "2010-10-17T01:00:00");
    // By cron a time of day comes once a day, and every hour comes as often as the clock shows it.
    let cron = def(Every::Cron("30 2 * * *".into()), "2010-03-01", "America/New_York");
    assert_eq!(
        keys(&cron, "2010-03-13T12:00:00Z", "2010-03-16T00:00:00Z"),
        ["2010-03-13-02:30", "2010-03-14-03:00", "2010-03-15-02:30"]
    );
    let cron = def(Every::Cron("30 1 * * *".into()), "2010-03-01", "America/New_York");
    assert_eq!(keys(&cron, "2010-11-07T05:30:00Z", "2010-11-08T12:00:00Z"), ["2010-11-07-01:30", "2010-11-08-01:30"]);
    let cron = def(Every::Cron("0 * * * *".into()), "2010-01-01", "America/New_York");
    let hours = def(Every::Hour, "2010-01-01", "America/New_York");
    for ordinal in 0..9000 {
        assert_eq!(cron.key(ordinal), hours.key(ordinal));
    }
}

#[test]
fn what_exists_is_what_is_over() {
    let days = TimeDef::new(Every::Day, "2023-01-01").unwrap();
    for (now, count) in [
        ("2022-12-31T00:00:00Z", 0),
        ("2023-01-01T00:00:00Z", 0),
        ("2023-01-01T23:59:59.999Z", 0),
        ("2023-01-02T00:00:00Z", 1),
        ("2023-01-11T12:00:00Z", 10),
    ] {
        assert_eq!(days.count(instant(now)), count, "{now}");
        assert_eq!(days.clone().end_offset(1).count(instant(now)), count + 1, "{now}");
        assert_eq!(days.clone().end_offset(-3).count(instant(now)), u64::saturating_sub(count, 3), "{now}");
        let ended = days.clone().end("2023-01-04").unwrap().end_offset(1);
        assert_eq!(ended.count(instant(now)), (count + 1).min(3), "{now}");
    }
    let ended = days.end("2023-01-04").unwrap();
    assert_eq!((ended.key(2).as_deref(), ended.key(3)), (Some("2023-01-03"), None));
    assert_eq!((ended.ordinal("2023-01-03"), ended.ordinal("2023-01-04")), (Some(2), None));
    assert_eq!((ended.at(instant("2023-01-03T12:00:00Z")), ended.at(instant("2023-01-04T00:00:00Z"))), (Some(2), None));
}

#[test]
fn a_start_between_boundaries_waits_for_the_next() {
    let first = |every, start: &str| TimeDef::new(every, start).unwrap().key(0).unwrap();
    assert_eq!(first(Every::Week(0), "2023-01-03"), "2023-01-08");
    assert_eq!(first(Every::Week(2), "2023-01-03"), "2023-01-03");
    assert_eq!(first(Every::Month(1), "2023-01-03"), "2023-02-01");
    assert_eq!(first(Every::Day, "2023-01-03-05:00"), "2023-01-04");
    assert_eq!(first(Every::Hour, "2023-01-03-05:01"), "2023-01-03-06:00");
    assert_eq!(first(Every::Cron("0 6 * * *".into()), "2023-01-03-06:01"), "2023-01-04-06:00");
    assert_eq!(
        TimeDef::new(Every::Day, "2023-01-01").unwrap().offset(4, 0).unwrap().window(0).unwrap().start,
        instant("2023-01-01T04:00:00Z")
    );
}

#[test]
fn a_format_must_tell_windows_apart() {
    let refused = |every, format: &str| {
        let def = TimeDef::new(every, "2020-01-01").unwrap().zone("America/New_York").unwrap();
        let error = def.format(format).expect_err(format);
        assert_eq!(error.kind(), lakewright::ErrorKind::Partitions);
        assert!(error.help_text().is_some(), "{error:?}");
    };
    for format in ["%Y-%m-%d", "%Y", "%Y-%m-%d-%I:%M", "%Y-%m-%d %M", "nothing", "", "%Q%Q%", "%Y-%m-%d-%H:%M\n"] {
        refused(Every::Hour, format);
    }
    for format in ["%Y-%m", "%Y-%U", "%m-%d", "%H:%M", "%y-%m-%d"] {
        refused(Every::Day, format);
    }
    refused(Every::Month(1), "%Y");
    refused(Every::Month(1), "%b");
    refused(Every::Week(1), "%Y-%m");
    refused(Every::Cron("0 6,18 * * *".into()), "%Y-%m-%d");
    refused(Every::Cron("*/15 * * * *".into()), "%Y-%m-%d-%H");

    let key = |every, format: &str, ordinal| {
        let def = TimeDef::new(every, "2020-01-01").unwrap().zone("America/New_York").unwrap().format(format).unwrap();
        let key = def.key(ordinal).unwrap();
        assert_eq!(def.ordinal(&key), Some(ordinal), "{key}");
        key
    };
    assert_eq!(key(Every::Month(1), "%Y-%m", 3), "2020-04");
    assert_eq!(key(Every::Month(28), "%Y-%m", 3), "2020-04");
    assert_eq!(key(Every::Day, "%d/%m/%Y", 31), "01/02/2020");
    assert_eq!(key(Every::Day, "%Y%j", 31), "2020032");
    assert_eq!(key(Every::Week(1), "%G-W%V", 0), "2020-W02");
    assert_eq!(key(Every::Cron("0 6 * * *".into()), "%Y-%m-%d", 1), "2020-01-02");
    assert_eq!(key(Every::Hour, "%Y-%m-%dT%H:%M:%S%z", 0), "2020-01-01T00:00:00-0500");
    assert_eq!(key(Every::Hour, "%Y-%m-%d-%H", 7320), "2020-11-01-01");
    assert_eq!(key(Every::Hour, "%Y-%m-%d-%H", 7321), "2020-11-01-01-0500");
}

#[test]
fn what_was_declared_is_what_is_compared() {
    let days = || TimeDef::new(Every::Day, "2023-01-01").unwrap();
    let used = days();
    let _ = (used.key(100), used.count(instant("2024-01-01T00:00:00Z")));
    assert_eq!(used, days());
    assert_eq!(format!("{used:?}"), format!("{:?}", days()));
    assert_ne!(days(), days().zone("Europe/Berlin").unwrap());
    assert_ne!(days(), days().end("2024-01-01").unwrap());
    assert_ne!(days(), days().end_offset(1));
    assert_eq!(days().zone("Europe/Berlin").unwrap().time_zone(), &TimeZone::get("Europe/Berlin").unwrap());
}

#[test]
fn what_is_no_definition_is_refused() {
    let errors = [
        TimeDef::new(Every::Day, "soon").unwrap_err(),
        TimeDef::new(Every::Day, "2023-02-30").unwrap_err(),
        TimeDef::new(Every::Week(7), "2023-01-01").unwrap_err(),
        TimeDef::new(Every::Month(31), "2023-01-01").unwrap_err(),
        TimeDef::new(Every::Cron("every day".into()), "2023-01-01").unwrap_err(),
        TimeDef::new(Every::Cron("0 0 30 2 *".into()), "2023-01-01").unwrap_err(),
        TimeDef::new(Every::Day, "2023-01-01").unwrap().zone("Mars/Olympus").unwrap_err(),
        TimeDef::new(Every::Day, "2023-01-01").unwrap().end("later").unwrap_err(),
        TimeDef::new(Every::Day, "2023-01-01").unwrap().offset(24, 0).unwrap_err(),
        TimeDef::new(Every::Hour, "2023-01-01").unwrap().offset(1, 0).unwrap_err(),
        TimeDef::new(Every::Cron("0 0 * * *".into()), "2023-01-01").unwrap().offset(1, 0).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), lakewright::ErrorKind::Partitions, "{error:?}");
    }
}

#[test]
fn the_calendar_ends() {
    for every in [Every::Hour, Every::Day, Every::Week(0), Every::Month(1)] {
        let def = def(every, "9999-11-01", "Europe/Berlin");
        let mut last = 0;
        while def.window(last).is_some() {
            last += 1;
        }
        assert!(last > 0, "{def:?}");
        assert_eq!(def.key(u64::MAX), None);
        assert_eq!(def.at(Timestamp::MAX), None);
        assert!(def.window(u64::MAX).is_none());
    }
}
