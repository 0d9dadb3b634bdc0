//! Sets of partitions, and maps with a value for each, that know which definition they are of.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;

use jiff::{Timestamp, Zoned};

use super::{DimensionDef, KeySet, Partition, PartitionDefinition, PartitionKey, PartitionsDef, TimeDef, TimePartitions};
use crate::error::{Error, ErrorKind, Result};

/// The partitions that a step makes: what a body is handed as `PartitionSet<Day>`, and called once with.
///
/// ```
/// use lakewright::prelude::*;
///
/// #[partitions(keys = ["north", "south"])]
/// struct Station;
///
/// /// One request for all stations, and a value for each.
/// #[asset(partitions = Station, io_manager = "memory")]
/// fn readings(stations: PartitionSet<Station>) -> Result<Partitions<Station, f64>> {
///     stations.iter().map(|station| Ok((station?, 47.5))).collect()
/// }
/// ```
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

    /// The set of these partitions, as a unit test needs it.
    ///
    /// # Errors
    /// If the definition cannot be resolved.
    pub fn of(partitions: impl IntoIterator<Item = Partition<P>>) -> Result<Self> {
        let keys: Vec<PartitionKey> = partitions.into_iter().map(|partition| partition.partition_key().clone()).collect();
        let def = P::def()?;
        let space = def.space(after(&def, &keys), &registered(&def, &keys))?;
        Ok(Self::new(space.set(&keys)?))
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

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(&self, partition: &Partition<P>) -> bool {
        self.keys.space().index(partition.partition_key()).is_ok_and(|index| self.keys.contains(index))
    }

    /// Each of them, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = Result<Partition<P>>> + '_ {
        self.keys.keys().map(Partition::of)
    }

    /// The first.
    ///
    /// # Errors
    /// If the definition cannot read its own key.
    pub fn first(&self) -> Result<Option<Partition<P>>> {
        self.iter().next().transpose()
    }

    /// The last.
    ///
    /// # Errors
    /// If the definition cannot read its own key.
    pub fn last(&self) -> Result<Option<Partition<P>>> {
        let last = self.keys.indices().last();
        last.map(|index| Partition::of(self.keys.space().key(index))).transpose()
    }
}

impl<P: TimePartitions> PartitionSet<P> {
    /// From where the first window begins to where the last one ends; there may be gaps between them. Nothing if there is none.
    ///
    /// # Errors
    /// If the calendar ends there.
    pub fn window(&self) -> Result<Option<(Zoned, Zoned)>> {
        let (Some(first), Some(last)) = (self.first()?, self.last()?) else { return Ok(None) };
        Ok(Some((first.window()?.0, last.window()?.1)))
    }
}

impl<P> Clone for PartitionSet<P> {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), of: PhantomData }
    }
}

impl<P> fmt::Debug for PartitionSet<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

/// A moment at which the windows of all these keys exist.
fn after(def: &PartitionsDef, keys: &[PartitionKey]) -> Timestamp {
    let moments = def.dimensions().iter().flat_map(|dimension| {
        keys.iter().filter_map(move |key| match &dimension.def {
            DimensionDef::Time(time) => exists(time, time.ordinal(key.dimension(&dimension.name)?)?),
            _ => None,
        })
    });
    moments.max().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A moment at which a window exists, which may be later than its end.
fn exists(time: &TimeDef, ordinal: u64) -> Option<Timestamp> {
    let end = time.window(ordinal)?.end;
    let missing = (ordinal + 1).saturating_sub(time.count(end));
    if missing == 0 { Some(end) } else { Some(time.window(ordinal + missing).map_or(Timestamp::MAX, |later| later.end)) }
}

/// The keys of dynamic dimensions, as if just these were registered.
fn registered(def: &PartitionsDef, keys: &[PartitionKey]) -> BTreeMap<String, Vec<String>> {
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for dimension in def.dimensions() {
        let DimensionDef::Dynamic(set) = &dimension.def else { continue };
        let known = sets.entry(set.to_string()).or_default();
        for value in keys.iter().filter_map(|key| key.dimension(&dimension.name)) {
            if !known.iter().any(|known| known == value) {
                known.push(value.to_owned());
            }
        }
    }
    sets
}

/// A value for each of several partitions, in the order they were put in: what a body takes or returns as
/// `Partitions<Day, DataFrame>`. What a body takes is in the order of keys.
///
/// ```
/// use lakewright::prelude::*;
///
/// #[partitions(keys = ["south", "north"])]
/// struct Station;
///
/// let mut readings: Partitions<Station, f64> = Partitions::new();
/// readings.insert("south".parse()?, 47.8);
/// readings.insert("north".parse()?, 31.0);
/// assert_eq!(readings.get("north"), Some(&31.0));
/// assert_eq!(readings.values().sum::<f64>(), 78.8);
/// for (station, reading) in &readings {
///     println!("{station}: {reading}");
/// }
/// let keys: Vec<_> = readings.keys().map(Partition::key).collect();
/// assert_eq!(keys, ["south", "north"]);
/// # Ok::<(), lakewright::Error>(())
/// ```
pub struct Partitions<P, T> {
    entries: Vec<(Partition<P>, T)>,
    index: HashMap<String, usize>,
}

impl<P, T> Partitions<P, T> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: Vec::new(), index: HashMap::new() }
    }

    /// Adds the value of a partition; gives back the one that was there, whose place it takes.
    pub fn insert(&mut self, partition: Partition<P>, value: T) -> Option<T> {
        if let Some(&place) = self.index.get(partition.key()) {
            return Some(std::mem::replace(&mut self.entries[place].1, value));
        }
        self.index.insert(partition.key().to_owned(), self.entries.len());
        self.entries.push((partition, value));
        None
    }

    /// The value of the partition with this text key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.index.get(key).map(|&place| &self.entries[place].1)
    }

    /// The value of the partition with this text key, to change it.
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        self.index.get(key).map(|&place| &mut self.entries[place].1)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Each partition with its value.
    pub fn iter(&self) -> PartitionsIter<'_, P, T> {
        self.entries.iter().map(|(partition, value)| (partition, value))
    }

    /// Each partition.
    pub fn keys(&self) -> impl Iterator<Item = &Partition<P>> {
        self.entries.iter().map(|(partition, _)| partition)
    }

    /// Each value.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// Each value, taken out.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().map(|(_, value)| value)
    }

    /// The same partitions with other values.
    pub fn map<U>(self, mut change: impl FnMut(&Partition<P>, T) -> U) -> Partitions<P, U> {
        let entries = self.entries.into_iter().map(|(partition, value)| {
            let value = change(&partition, value);
            (partition, value)
        });
        Partitions { entries: entries.collect(), index: self.index }
    }

    /// Each untyped key with its value.
    pub fn into_pairs(self) -> impl Iterator<Item = (PartitionKey, T)> {
        self.entries.into_iter().map(|(partition, value)| (partition.partition_key().clone(), value))
    }
}

impl<P: PartitionDefinition, T> Partitions<P, T> {
    /// Puts a map together from untyped keys.
    ///
    /// # Errors
    /// If two values have one key, or one is no key of the definition.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (PartitionKey, T)>) -> Result<Self> {
        let mut all = Self::new();
        for (key, value) in pairs {
            if all.insert(Partition::of(key.clone())?, value).is_some() {
                return Err(Error::new(ErrorKind::PartitionKey, format!("the partition {key:?} is given twice")));
            }
        }
        Ok(all)
    }
}

/// What [`Partitions::iter`] gives.
pub type PartitionsIter<'a, P, T> =
    std::iter::Map<std::slice::Iter<'a, (Partition<P>, T)>, fn(&(Partition<P>, T)) -> (&Partition<P>, &T)>;

impl<P, T> IntoIterator for Partitions<P, T> {
    type Item = (Partition<P>, T);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a, P, T> IntoIterator for &'a Partitions<P, T> {
    type Item = (&'a Partition<P>, &'a T);
    type IntoIter = PartitionsIter<'a, P, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Of two values for one partition the later one stays.
impl<P, T> FromIterator<(Partition<P>, T)> for Partitions<P, T> {
    fn from_iter<I: IntoIterator<Item = (Partition<P>, T)>>(pairs: I) -> Self {
        let mut all = Self::new();
        all.extend(pairs);
        all
    }
}

impl<P, T> Extend<(Partition<P>, T)> for Partitions<P, T> {
    fn extend<I: IntoIterator<Item = (Partition<P>, T)>>(&mut self, pairs: I) {
        for (partition, value) in pairs {
            self.insert(partition, value);
        }
    }
}

impl<P, T> Default for Partitions<P, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P, T: Clone> Clone for Partitions<P, T> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), index: self.index.clone() }
    }
}

impl<P, T: fmt::Debug> fmt::Debug for Partitions<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}
