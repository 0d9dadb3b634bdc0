//! Definitions as types, and keys, sets and maps that know which definition they are of.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use jiff::Zoned;

use super::{KeySet, PartitionKey, PartitionsDef, Shape, ShapeKind};
use crate::error::{Error, ErrorKind, Result};

/// A partition definition as a type; implemented by `#[partitions]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a partition definition",
    label = "not a partition definition",
    note = "put `#[partitions(…)]` on the type, for example `#[partitions(daily, start = \"2023-01-01\")] struct Day;`"
)]
pub trait PartitionDefinition: Sized + Send + Sync + 'static {
    /// The typed key: an enum, a text, a number, a date, a time, or a struct of one [`Partition`] for each dimension.
    type Key: Clone + fmt::Debug + Send + Sync + 'static;

    /// What the compiler knows of it.
    const SHAPE: &'static Shape;

    /// The definition.
    ///
    /// # Errors
    /// If it cannot be made, which the attribute does not let through.
    fn def() -> Result<PartitionsDef>;

    /// The typed form of a key.
    ///
    /// # Errors
    /// If it is no key of this definition.
    fn parse(key: &PartitionKey) -> Result<Self::Key>;

    /// The key of a typed form.
    ///
    /// # Errors
    /// If it is no key of this definition.
    fn key(value: &Self::Key) -> Result<PartitionKey>;
}

/// A definition of windows of time.
#[diagnostic::on_unimplemented(message = "`{Self}` has no time window", label = "not a time definition")]
pub trait TimePartitions: PartitionDefinition {
    /// The window of a key: where it begins and where the next begins, in the zone of the definition.
    ///
    /// # Errors
    /// If it is no key of this definition.
    fn window(key: &PartitionKey) -> Result<(Zoned, Zoned)>;
}

/// The definition of assets that have none.
#[derive(Debug, Clone, Copy)]
pub struct Unpartitioned;

impl Unpartitioned {
    /// What the compiler knows of it.
    pub const SHAPE: &'static Shape = &Shape { name: "", id: "", kind: ShapeKind::None };
}

/// One partition of a definition: what a body is handed as `Partition<Species>`.
pub struct Partition<P: PartitionDefinition> {
    key: PartitionKey,
    text: String,
    value: P::Key,
}

impl<P: PartitionDefinition> Partition<P> {
    /// The partition with this typed key, as a unit test needs it.
    ///
    /// # Errors
    /// If it is no key of the definition.
    pub fn new(value: P::Key) -> Result<Self> {
        let key = P::key(&value)?;
        Ok(Self { text: key.to_string(), key, value })
    }

    /// The partition with this key.
    ///
    /// # Errors
    /// If it is no key of the definition.
    pub fn of(key: PartitionKey) -> Result<Self> {
        let value = P::parse(&key)?;
        Ok(Self { text: key.to_string(), key, value })
    }

    /// The text of the key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.text
    }

    /// The key by dimension.
    #[must_use]
    pub fn partition_key(&self) -> &PartitionKey {
        &self.key
    }

    /// The typed key.
    #[must_use]
    pub fn value(&self) -> &P::Key {
        &self.value
    }
}

impl<P: TimePartitions> Partition<P> {
    /// Where the window begins and where the next one begins, in the zone of the definition.
    ///
    /// # Errors
    /// If the calendar ends there.
    pub fn window(&self) -> Result<(Zoned, Zoned)> {
        P::window(&self.key)
    }
}

impl<P: PartitionDefinition> Deref for Partition<P> {
    type Target = P::Key;

    fn deref(&self) -> &P::Key {
        &self.value
    }
}

impl<P: PartitionDefinition> Clone for Partition<P> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), text: self.text.clone(), value: self.value.clone() }
    }
}

impl<P: PartitionDefinition> fmt::Debug for Partition<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.key, f)
    }
}

impl<P: PartitionDefinition> fmt::Display for Partition<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The partitions that a step makes: what a body is handed as `PartitionSet<Day>`, and called once with.
pub struct PartitionSet<P> {
    keys: KeySet,
    of: PhantomData<fn() -> P>,
}

impl<P: PartitionDefinition> PartitionSet<P> {
    /// A set of this definition.
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self { keys, of: PhantomData }
    }

    /// The set without its type.
    #[must_use]
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Each of them, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = Result<Partition<P>>> + '_ {
        self.keys.keys().map(Partition::of)
    }
}

/// A value for each of several partitions, in the order of keys: what a body takes or returns as `Partitions<Day, DataFrame>`.
pub struct Partitions<P, T> {
    values: BTreeMap<PartitionKey, T>,
    of: PhantomData<fn() -> P>,
}

impl<P: PartitionDefinition, T> Partitions<P, T> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { values: BTreeMap::new(), of: PhantomData }
    }

    /// Adds the value of a partition; gives back the one that was there.
    pub fn insert(&mut self, partition: &Partition<P>, value: T) -> Option<T> {
        self.values.insert(partition.key.clone(), value)
    }

    /// The value of the partition with this text key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.values.iter().find(|(known, _)| known.to_string() == key).map(|(_, value)| value)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Each key with its value, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&PartitionKey, &T)> {
        self.values.iter()
    }

    /// Each key with its value, in the order of keys.
    pub fn into_pairs(self) -> impl Iterator<Item = (PartitionKey, T)> {
        self.values.into_iter()
    }

    /// Puts a map together from untyped keys.
    ///
    /// # Errors
    /// If two values have one key.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (PartitionKey, T)>) -> Result<Self> {
        let mut all = Self::new();
        for (key, value) in pairs {
            if all.values.contains_key(&key) {
                return Err(Error::new(ErrorKind::PartitionKey, format!("the partition {key:?} is given twice")));
            }
            all.values.insert(key, value);
        }
        Ok(all)
    }
}

impl<P: PartitionDefinition, T> Default for Partitions<P, T> {
    fn default() -> Self {
        Self::new()
    }
}
