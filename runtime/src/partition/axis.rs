//! The keys of one dimension at one moment, and what to say about a text that is none of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::runs::{self, Runs};
use super::time::Place;
use super::{TimeDef, Window};
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::slice::KeyItem;

/// Identifies the keys of a dimension at one moment, for what is kept about them.
#[derive(Serialize, Deserialize)]
pub(super) struct AxisDigest {
    name: String,
    len: u64,
    keys: String,
}

/// The keys of one dimension at one moment.
#[derive(Debug)]
pub struct Axis {
    name: Arc<str>,
    keys: AxisKeys,
}

#[derive(Debug)]
enum AxisKeys {
    Listed { keys: Arc<[Arc<str>]>, index: OnceLock<HashMap<Arc<str>, u64>>, sorted: OnceLock<bool> },
    Time { def: Arc<TimeDef>, count: u64 },
}

impl Axis {
    pub(super) fn listed(name: Arc<str>, keys: Arc<[Arc<str>]>) -> Self {
        Self { name, keys: AxisKeys::Listed { keys, index: OnceLock::new(), sorted: OnceLock::new() } }
    }

    pub(super) fn windows(name: Arc<str>, def: Arc<TimeDef>, count: u64) -> Self {
        Self { name, keys: AxisKeys::Time { def, count } }
    }

    /// The name of the dimension.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.keys {
            AxisKeys::Listed { keys, .. } => keys.len() as u64,
            AxisKeys::Time { count, .. } => *count,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key at a place.
    ///
    /// # Panics
    /// If there is no such place.
    #[must_use]
    pub fn key(&self, place: u64) -> Arc<str> {
        assert!(place < self.len(), "the dimension has {} keys, and place {place} was asked for", self.len());
        match &self.keys {
            AxisKeys::Listed { keys, .. } => usize::try_from(place).ok().and_then(|place| keys.get(place)).cloned(),
            AxisKeys::Time { def, .. } => def.key(place).map(Arc::from),
        }
        .expect("a place below the number of keys has a key")
    }

    /// The place of a key.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<u64> {
        match &self.keys {
            AxisKeys::Listed { keys, index, .. } => {
                index.get_or_init(|| keys.iter().cloned().zip(0..).collect()).get(key).copied()
            }
            AxisKeys::Time { def, count } => def.ordinal(key).filter(|place| place < count),
        }
    }

    /// The definition of a time dimension.
    #[must_use]
    pub fn time(&self) -> Option<&Arc<TimeDef>> {
        match &self.keys {
            AxisKeys::Time { def, .. } => Some(def),
            AxisKeys::Listed { .. } => None,
        }
    }

    /// The window at a place of a time dimension.
    #[must_use]
    pub fn window(&self, place: u64) -> Option<Window> {
        self.time()?.window(place)
    }

    /// Whether both have the same keys at the same places.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.name == other.name
            && match (&self.keys, &other.keys) {
                (AxisKeys::Listed { keys, .. }, AxisKeys::Listed { keys: others, .. }) => {
                    Arc::ptr_eq(keys, others) || keys == others
                }
                (AxisKeys::Time { def, count }, AxisKeys::Time { def: other, count: others }) => {
                    count == others && (Arc::ptr_eq(def, other) || def == other)
                }
                _ => false,
            }
    }

    pub(super) fn digest(&self) -> AxisDigest {
        AxisDigest { name: self.name.to_string(), len: self.len(), keys: self.digest_of(self.len()) }
    }

    /// Whether the keys of then are those of now, or, unless it has to be `all`, the first of them.
    pub(super) fn begins_with(&self, then: &AxisDigest, all: bool) -> bool {
        let fits = if all { then.len == self.len() } else { then.len <= self.len() };
        fits && then.name == *self.name && then.keys == self.digest_of(then.len)
    }

    /// Identifies the first keys.
    fn digest_of(&self, len: u64) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut update = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        match &self.keys {
            AxisKeys::Listed { keys, .. } => keys.iter().zip(0..len).for_each(|(key, _)| update(key)),
            // The last key as well, since the rules of a zone may change.
            AxisKeys::Time { def, .. } => {
                update(&format!("{def:?}"));
                update(&len.checked_sub(1).and_then(|last| def.key(last)).unwrap_or_default());
            }
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// The places on another axis that have the keys of these places.
    pub(super) fn carry(&self, places: &[(u64, u64)], to: &Axis) -> Runs {
        match (&self.keys, &to.keys) {
            (AxisKeys::Time { def, .. }, AxisKeys::Time { def: other, .. }) if def == other => {
                runs::intersection(places, &runs::below(to.len()))
            }
            (AxisKeys::Listed { keys, .. }, AxisKeys::Listed { keys: others, .. }) if keys == others => places.to_vec(),
            _ => runs::collect(runs::numbers(places).filter_map(|place| to.place(&self.key(place))).collect()),
        }
    }

    /// The places of the keys of a slice; those that do not exist are left out, or are an error if `strict`. `known` remembers the
    /// numbers of windows from one call to the next.
    pub(super) fn items<'k>(&self, items: &'k [KeyItem], strict: bool, known: &mut HashMap<&'k str, Place>) -> Result<Runs> {
        let mut places = Vec::new();
        let mut spans = Runs::new();
        for item in items {
            match (item, &self.keys) {
                (KeyItem::One(key), AxisKeys::Listed { .. }) => match self.place(key) {
                    Some(place) => places.push(place),
                    None if strict => return Err(self.unknown("", key)),
                    None => {}
                },
                (KeyItem::One(key), AxisKeys::Time { def, count }) => match known.entry(key).or_insert_with(|| def.place(key)) {
                    Place::At(place) if *place < *count => places.push(*place),
                    _ if strict => return Err(self.unknown("", key)),
                    _ => {}
                },
                (KeyItem::Span(first, last), AxisKeys::Time { def, count }) => {
                    let mut place = |key: &'k str| *known.entry(key).or_insert_with(|| def.place(key));
                    match (place(first), place(last)) {
                        (Place::At(first), Place::At(last)) if first < last && (last < *count || !strict) => {
                            spans.push((first, last.min(count.saturating_sub(1))));
                        }
                        (Place::At(_), _) if strict => return Err(self.unknown("", last)),
                        _ if strict => return Err(self.unknown("", first)),
                        // Written the wrong way round, so that it is no span.
                        (Place::At(_), Place::At(_)) => {}
                        // What is left of a span where the definition now begins later or ends earlier.
                        (first @ (Place::At(_) | Place::Before), last @ (Place::At(_) | Place::After)) => {
                            let first = if let Place::At(first) = first { first } else { 0 };
                            let last = if let Place::At(last) = last { last } else { u64::MAX };
                            if first <= last {
                                spans.push((first, last));
                            }
                        }
                        _ => {}
                    }
                }
                (KeyItem::Span(first, last), AxisKeys::Listed { .. }) if strict => {
                    let message = format!("`{first}..{last}` is a span of time, and these keys are not windows of time");
                    return Err(Error::new(ErrorKind::PartitionKey, message));
                }
                (KeyItem::Span(..), AxisKeys::Listed { .. }) => {}
            }
        }
        let mut found = runs::collect(places);
        if !spans.is_empty() {
            spans.append(&mut found);
            spans.sort_unstable();
            for (first, last) in spans {
                runs::push(&mut found, first, last);
            }
            found = runs::intersection(&found, &runs::below(self.len()));
        }
        Ok(found)
    }

    /// The keys at places as a slice writes them: sorted by their text, consecutive windows as spans. `known` remembers keys from one
    /// call to the next.
    pub(super) fn to_items(&self, places: &[(u64, u64)], known: &mut HashMap<u64, Arc<str>>) -> Vec<KeyItem> {
        let mut items: Vec<KeyItem> = match &self.keys {
            AxisKeys::Listed { .. } => runs::numbers(places).map(|place| KeyItem::One(self.key(place))).collect(),
            AxisKeys::Time { .. } => {
                let mut key = |place| known.entry(place).or_insert_with(|| self.key(place)).clone();
                let item = |&(first, last): &(u64, u64)| {
                    if first == last { KeyItem::One(key(first)) } else { KeyItem::Span(key(first), key(last)) }
                };
                places.iter().map(item).collect()
            }
        };
        // Most lists are sorted as they are, and then so is each part of them.
        if !matches!(&self.keys, AxisKeys::Listed { keys, sorted, .. } if *sorted.get_or_init(|| keys.is_sorted())) {
            items.sort_unstable_by(|a, b| a.first().cmp(b.first()));
        }
        items
    }

    /// Why a text is none of the keys; `definition` may be empty if it is not known.
    pub(super) fn unknown(&self, definition: &str, key: &str) -> Error {
        let of = match (definition.is_empty(), self.name.is_empty()) {
            (true, true) => String::new(),
            (true, false) => format!(" of the dimension `{}`", self.name),
            (false, _) => format!(" of `{definition}`"),
        };
        match &self.keys {
            AxisKeys::Listed { keys, .. } => {
                Error::new(ErrorKind::PartitionKey, format!("`{key}` is not a key{of}")).help(listed_help(key, keys))
            }
            AxisKeys::Time { def, count } => time_error(def, *count, &of, key),
        }
    }

    /// As [`unknown`](Self::unknown), of a dynamic set.
    pub(super) fn unregistered(&self, set: &str, key: &str) -> Error {
        let mut help = format!("add it: `partitions add {} {}`", quoted(set), quoted(key));
        if let AxisKeys::Listed { keys, .. } = &self.keys
            && let Some(near) = nearest(key, keys.iter().map(|key| &**key))
        {
            help = format!("did you mean `{near}`? otherwise {help}");
        }
        Error::new(ErrorKind::PartitionKey, format!("`{key}` is not registered in the dynamic partitions `{set}`")).help(help)
    }
}

/// A name or a key as one word of a command line.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")).into() }
}

/// How many keys a message lists.
const LISTED: usize = 12;

fn listed_help(key: &str, keys: &[Arc<str>]) -> String {
    let mut list = keys.iter().take(LISTED).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    if keys.len() > LISTED {
        list = format!("{list} and {} more", keys.len() - LISTED);
    }
    match nearest(key, keys.iter().map(|key| &**key)) {
        Some(near) => format!("did you mean `{near}`? known keys: {list}"),
        None => format!("known keys: {list}"),
    }
}

fn time_error(def: &TimeDef, count: u64, of: &str, key: &str) -> Error {
    let error = |message: String| Error::new(ErrorKind::PartitionKey, message);
    let name = |ordinal: u64| def.key(ordinal).map(|key| format!("`{key}`"));
    let (first, last) = (name(0), count.checked_sub(1).and_then(name));
    let bounds = match (&first, &last) {
        (Some(first), Some(last)) => format!("the first key is {first}, the last is {last}"),
        (Some(first), None) => format!("no window is over yet; the first will be {first}"),
        (None, _) => "there are no windows at all".to_owned(),
    };
    match def.place(key) {
        Place::Malformed => {
            let example = last.or(first).map_or_else(String::new, |key| format!("write it like {key}; "));
            error(format!("`{key}` is not written as the keys{of} are")).help(format!("{example}{bounds}"))
        }
        Place::Before => error(format!("`{key}` comes before the first window{of}")).help(bounds),
        Place::After => error(format!("`{key}` comes after the last window{of}, at or after its end")).help(bounds),
        Place::At(_) => error(format!("the window `{key}`{of} is not over yet")).help(bounds),
        Place::Between(ordinal) => {
            let near: Vec<String> = [ordinal, ordinal + 1].into_iter().filter_map(name).collect();
            error(format!("no window{of} begins at `{key}`"))
                .help(format!("the nearest begin at {}; {bounds}", near.join(" and ")))
        }
    }
}
