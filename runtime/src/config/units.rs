//! What has a unit: times (`30s`, `1m 30s`, `7d`) and sizes (`512MB`, `1.5GiB`), for the configuration and the command line. What the
//! attribute takes is taken here too.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};

pub(super) struct Time(Duration);

impl Time {
    pub(super) fn duration(self) -> Duration {
        self.0
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom("it is not a time with a unit, as `30s`, `500ms` or `1m 30s` are");
        duration(&text).map(Self).ok_or_else(wrong)
    }
}

/// A number of bytes, as a number or with a unit.
pub(super) struct Size(pub(super) u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Size;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of bytes")
            }

            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<Size, E> {
                u64::try_from(bytes).map(Size).map_err(|_| E::custom("it is below zero"))
            }

            fn visit_u64<E: serde::de::Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Size, E> {
                bytes(text).map(Size).ok_or_else(|| E::custom("it is not a size as `512MB`, `4GiB` or `1000000` are"))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A time as people write it. A day has 24 hours.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let in_days = || text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    let duration = text.parse::<SignedDuration>().or_else(|_| in_days());
    duration.ok().and_then(|duration| Duration::try_from(duration).ok())
}

const UNITS: [(&str, u64); 10] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes as people write it, without a part of one.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let Some(end) = text.find(|c: char| !c.is_ascii_digit() && c != '.') else { return text.parse().ok() };
    let (number, unit) = text.split_at(end);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    // Parsing alone would take none of them, and more than fit.
    let parts = 10_u128.pow(u32::try_from(decimals.len()).ok().filter(|digits| (1..=12).contains(digits))?);
    let bytes = whole.parse::<u64>().ok()?.checked_mul(*unit)?;
    let rest = decimals.parse::<u128>().ok()? * u128::from(*unit) / parts;
    bytes.checked_add(u64::try_from(rest).ok()?)
}
