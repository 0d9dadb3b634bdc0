//! What the implementations that `#[partitions]` generates are made of.

use std::sync::OnceLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{DimensionDef, Partition, PartitionDefinition, PartitionKey, PartitionsDef, Shape, ShapeKind, TimeDef, Window};
use crate::error::{Error, ErrorKind, Result, known_names};

/// A definition that is made when it is first asked for.
#[derive(Default)]
pub struct Cached(OnceLock<PartitionsDef>);

impl Cached {
    /// Not made yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The definition.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn get(&self, make: fn() -> Result<PartitionsDef>) -> Result<PartitionsDef> {
        if let Some(def) = self.0.get() {
            return Ok(def.clone());
        }
        let def = make()?;
        Ok(self.0.get_or_init(|| def).clone())
    }
}

/// The text of a key of a definition of one dimension.
///
/// # Errors
/// If it is of several, or not among static keys.
pub fn text<'k>(shape: &Shape, key: &'k PartitionKey) -> Result<&'k str> {
    let text = key.dimension("").ok_or_else(|| no_key(shape, &key.to_string()))?;
    known(shape, text)?;
    Ok(text)
}

/// The key with this text.
///
/// # Errors
/// If it is not among static keys, or cannot be a key.
pub fn text_key(shape: &Shape, text: &str) -> Result<PartitionKey> {
    known(shape, text)?;
    PartitionKey::new(text)
}

/// A key that is a number.
///
/// # Errors
/// As [`text`].
pub fn number(shape: &Shape, key: &PartitionKey) -> Result<i64> {
    let text = text(shape, key)?;
    text.parse().map_err(|_| no_key(shape, text))
}

/// That a text is no key.
#[must_use]
pub fn no_key(shape: &Shape, text: &str) -> Error {
    let error = Error::new(ErrorKind::PartitionKey, format!("`{text}` is no key of `{}`", shape.name));
    match shape.kind {
        ShapeKind::Static(keys) => error.help(known_names(text, "keys", keys.iter().copied())),
        _ => error,
    }
}

/// The partition of one dimension of a key.
///
/// # Errors
/// If the key has no such dimension, or its text is no key of `P`.
pub fn dimension<P: PartitionDefinition>(key: &PartitionKey, name: &str) -> Result<Partition<P>> {
    let missing = || Error::new(ErrorKind::PartitionKey, format!("the key {key:?} has no dimension `{name}`"));
    Partition::of(PartitionKey::new(key.dimension(name).ok_or_else(missing)?)?)
}

/// The day on which the window of a key begins.
///
/// # Errors
/// If there is no such window.
pub fn date(def: &PartitionsDef, key: &PartitionKey) -> Result<Date> {
    let time = time(def)?;
    Ok(window_of(def, time, key)?.civil_start.date())
}

/// The key of the window that begins on a day.
///
/// # Errors
/// If none does.
pub fn date_key(def: &PartitionsDef, date: Date) -> Result<PartitionKey> {
    let time = time(def)?;
    // Offsets move the beginning of a window within its first day, so the last moment of the day belongs to it.
    let next = date.tomorrow().and_then(|next| next.to_zoned(time.time_zone().clone()));
    let last = next.ok().and_then(|next| next.timestamp().checked_sub(jiff::SignedDuration::from_nanos(1)).ok());
    let ordinal = last.and_then(|last| time.at(last));
    let begins = |ordinal: u64| time.window(ordinal).is_some_and(|window| window.civil_start.date() == date);
    key_at(def, time, ordinal.filter(|ordinal| begins(*ordinal)), &date.to_string())
}

/// The moment at which the window of a key begins.
///
/// # Errors
/// If there is no such window.
pub fn moment(def: &PartitionsDef, key: &PartitionKey) -> Result<Zoned> {
    window(def, key).map(|(start, _)| start)
}

/// The key of the window that begins at a moment.
///
/// # Errors
/// If none does.
pub fn moment_key(def: &PartitionsDef, moment: &Zoned) -> Result<PartitionKey> {
    let time = time(def)?;
    let start: Timestamp = moment.timestamp();
    let begins = |ordinal: u64| time.window(ordinal).is_some_and(|window| window.start == start);
    key_at(def, time, time.at(start).filter(|ordinal| begins(*ordinal)), &moment.to_string())
}

/// Where the window of a key begins and where the next one begins.
///
/// # Errors
/// If there is no such window.
pub fn window(def: &PartitionsDef, key: &PartitionKey) -> Result<(Zoned, Zoned)> {
    let time = time(def)?;
    let window = window_of(def, time, key)?;
    let zone: &TimeZone = time.time_zone();
    Ok((window.start.to_zoned(zone.clone()), window.end.to_zoned(zone.clone())))
}

fn known(shape: &Shape, text: &str) -> Result<()> {
    match shape.kind {
        ShapeKind::Static(keys) if !keys.contains(&text) => Err(no_key(shape, text)),
        _ => Ok(()),
    }
}

fn time(def: &PartitionsDef) -> Result<&TimeDef> {
    match def.dimensions().first().map(|dimension| &dimension.def) {
        Some(DimensionDef::Time(time)) => Ok(time),
        _ => Err(Error::new(ErrorKind::Internal, format!("`{}` has no windows of time", def.name()))),
    }
}

fn window_of(def: &PartitionsDef, time: &TimeDef, key: &PartitionKey) -> Result<Window> {
    let ordinal = key.dimension("").and_then(|text| time.ordinal(text));
    let no_window = || Error::new(ErrorKind::PartitionKey, format!("{key:?} is no window of `{}`", def.name()));
    ordinal.and_then(|ordinal| time.window(ordinal)).ok_or_else(no_window)
}

fn key_at(def: &PartitionsDef, time: &TimeDef, ordinal: Option<u64>, written: &str) -> Result<PartitionKey> {
    let no_window = || Error::new(ErrorKind::PartitionKey, format!("no window of `{}` begins at {written}", def.name()));
    PartitionKey::new(ordinal.and_then(|ordinal| time.key(ordinal)).ok_or_else(no_window)?)
}
