//! A time with its unit: `30s`, `500ms`, `1m 30s`.

use std::time::Duration;

use jiff::SignedDuration;
use serde::de::Error as _;
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
        let parsed = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
        parsed.map(Self).ok_or_else(|| D::Error::custom("it is not a time with a unit, as `30s`, `500ms` or `1m 30s` are"))
    }
}
