//! What a definition comes to at one moment: each key with an index.

use std::collections::HashMap;
use std::sync::Arc;

use roaring::RoaringTreemap;

use super::axis::Axis;
use super::runs::{self, Runs};
use super::{DimensionDef, KeySet, PartitionKey, PartitionsDef};
use crate::error::{Error, ErrorKind, Result};
use crate::slice::{KeyBox, Slice};

/// The keys of a definition at one moment. Indices run through the dimensions sorted by name, the last one fastest, which is the
/// order of keys. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KeySpace {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    def: PartitionsDef,
    axes: Vec<Axis>,
    /// The number of keys of each axis.
    lengths: Vec<u64>,
    len: u64,
}

impl KeySpace {
    pub(super) fn new(def: PartitionsDef, axes: Vec<Axis>) -> Result<Self> {
        let lengths: Vec<u64> = axes.iter().map(Axis::len).collect();
        let product = |lengths: &[u64]| lengths.iter().try_fold(1_u64, |all, length| all.checked_mul(*length));
        // An empty axis empties all, but what comes after it still needs its place values.
        let nonempty: Vec<u64> = lengths.iter().map(|length| (*length).max(1)).collect();
        let (Some(len), Some(_)) = (product(&lengths), product(&nonempty)) else {
            return Err(Error::new(ErrorKind::Partitions, format!("`{}` has more keys than can be counted", def.name())));
        };
        Ok(Self { inner: Arc::new(Inner { def, axes, lengths, len }) })
    }

    /// The definition.
    #[must_use]
    pub fn def(&self) -> &PartitionsDef {
        &self.inner.def
    }

    /// The dimensions, sorted by name.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.inner.axes
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both have the same keys with the same indices, so that sets of one are sets of the other.
    #[must_use]
    pub fn same(&self, other: &KeySpace) -> bool {
        let pairs = || self.axes().iter().zip(other.axes());
        Arc::ptr_eq(&self.inner, &other.inner)
            || (self.axes().len() == other.axes().len() && pairs().all(|(axis, other)| axis.same(other)))
    }

    /// The places on the axes that an index stands for.
    #[must_use]
    pub fn places(&self, index: u64) -> Vec<u64> {
        let mut rest = index;
        let mut places = vec![0; self.lengths().len()];
        for (place, length) in places.iter_mut().zip(self.lengths()).rev() {
            *place = rest % length;
            rest /= length;
        }
        places
    }

    /// The index of places on the axes.
    #[must_use]
    pub fn at(&self, places: &[u64]) -> u64 {
        places.iter().zip(self.lengths()).fold(0, |index, (place, length)| index * length + place)
    }

    /// The key at an index.
    ///
    /// # Panics
    /// If there is no such index.
    #[must_use]
    pub fn key(&self, index: u64) -> PartitionKey {
        assert!(index < self.len(), "`{}` has {} keys, and index {index} was asked for", self.def().name(), self.len());
        let places = self.places(index);
        PartitionKey::unchecked(self.axes().iter().zip(places).map(|(axis, place)| (axis.name().clone(), axis.key(place))))
    }

    /// The index of a key.
    ///
    /// # Errors
    /// If there is no such key: says why (not registered, outside start and end, no such static key with the nearest, wrong format
    /// with an example).
    pub fn index(&self, key: &PartitionKey) -> Result<u64> {
        let names = || self.axes().iter().map(|axis| &**axis.name());
        if !key.dimensions().map(|(name, _)| name).eq(names()) {
            let wanted = match names().collect::<Vec<_>>().as_slice() {
                [""] => "its keys are one value each".to_owned(),
                names => format!("its keys have the dimensions {}", quoted(names)),
            };
            let message = format!("the key {key:?} has not the dimensions of `{}`", self.def().name());
            return Err(Error::new(ErrorKind::PartitionKey, message).help(wanted));
        }
        let mut index = 0;
        for ((axis, (_, value)), length) in self.axes().iter().zip(key.dimensions()).zip(self.lengths()) {
            index = index * length + self.place(axis, value)?;
        }
        Ok(index)
    }

    /// The index of the key that a person wrote: its text form, or the same with the dimensions in the order in which the definition
    /// declares them.
    ///
    /// # Errors
    /// As [`KeySpace::index`].
    pub fn parse(&self, text: &str) -> Result<u64> {
        let sorted = self.def().parse_key(text).and_then(|key| self.index(&key));
        if !self.def().is_multi() || sorted.is_ok() {
            return sorted;
        }
        let values = PartitionKey::split(text);
        let declared = self.def().dimensions().iter().map(|dimension| dimension.name.as_str());
        if values.len() != declared.len() {
            return sorted;
        }
        PartitionKey::of(declared.zip(values)).and_then(|key| self.index(&key)).or(sorted)
    }

    /// The set of all keys.
    #[must_use]
    pub fn all(&self) -> KeySet {
        KeySet::new(self.clone(), runs::map(&runs::below(self.len())))
    }

    /// The set of none.
    #[must_use]
    pub fn none(&self) -> KeySet {
        KeySet::new(self.clone(), RoaringTreemap::new())
    }

    /// The set of these keys.
    ///
    /// # Errors
    /// As [`KeySpace::index`].
    pub fn set<'k>(&self, keys: impl IntoIterator<Item = &'k PartitionKey>) -> Result<KeySet> {
        let indices = keys.into_iter().map(|key| self.index(key)).collect::<Result<_>>()?;
        Ok(KeySet::new(self.clone(), indices))
    }

    /// Every combination of these values: one list of keys for each axis, in the order of the axes.
    ///
    /// # Errors
    /// As [`KeySpace::index`].
    pub fn product(&self, values: &[Vec<String>]) -> Result<KeySet> {
        if values.len() != self.axes().len() {
            let message = format!(
                "`{}` has {} dimensions, and values for {} were given",
                self.def().name(),
                self.axes().len(),
                values.len()
            );
            return Err(Error::new(ErrorKind::PartitionKey, message));
        }
        let places = self.axes().iter().zip(values).map(|(axis, values)| {
            let places = values.iter().map(|value| self.place(axis, value)).collect::<Result<_>>()?;
            Ok(runs::collect(places))
        });
        Ok(self.boxed(&places.collect::<Result<Vec<_>>>()?))
    }

    /// The keys of one axis from `first` to `last`, both included, as values for [`KeySpace::product`].
    ///
    /// # Errors
    /// As [`KeySpace::index`], or if `last` comes before `first`.
    pub fn range(&self, axis: usize, first: &str, last: &str) -> Result<Vec<String>> {
        let Some(axis) = self.axes().get(axis) else {
            return Err(Error::new(ErrorKind::Internal, format!("`{}` has no dimension number {axis}", self.def().name())));
        };
        let (from, to) = (self.place(axis, first)?, self.place(axis, last)?);
        if to < from {
            let message = format!("`{last}` comes before `{first}`");
            return Err(Error::new(ErrorKind::PartitionKey, message)
                .help(format!("write it the other way round: from `{last}` to `{first}`")));
        }
        Ok((from..=to).map(|place| axis.key(place).to_string()).collect())
    }

    /// The keys of a slice that exist here; [`Slice::Whole`] is all of them. Keys of the slice that do not exist here are left out.
    #[must_use]
    pub fn known(&self, slice: &Slice) -> KeySet {
        match slice {
            Slice::Whole => self.all(),
            // Only a strict reading has errors.
            Slice::Keys(boxes) => self.of_boxes(boxes, false).unwrap_or_else(|_| self.none()),
        }
    }

    /// The keys of the boxes of a slice; those that do not exist are left out, or are an error if `strict`.
    pub(super) fn of_boxes(&self, boxes: &[KeyBox], strict: bool) -> Result<KeySet> {
        let mut set = RoaringTreemap::new();
        let mut known = vec![HashMap::new(); self.axes().len()];
        for each in boxes {
            let names = each.dimensions.iter().map(|(name, _)| name);
            if !names.eq(self.axes().iter().map(Axis::name)) {
                continue;
            }
            let axes = self.axes().iter().zip(&each.dimensions).zip(&mut known);
            let places = axes.map(|((axis, (_, items)), known)| axis.items(items, strict, known)).collect::<Result<Vec<_>>>()?;
            runs::insert(&mut set, &runs::product(&places, self.lengths()));
        }
        Ok(KeySet::new(self.clone(), set))
    }

    /// Every combination of places on the axes.
    pub(super) fn boxed(&self, places: &[Runs]) -> KeySet {
        KeySet::new(self.clone(), runs::map(&runs::product(places, self.lengths())))
    }

    pub(super) fn lengths(&self) -> &[u64] {
        &self.inner.lengths
    }

    /// The place of a key on an axis.
    pub(super) fn place(&self, axis: &Axis, key: &str) -> Result<u64> {
        axis.place(key).ok_or_else(|| match self.def().dimensions().iter().find(|dimension| dimension.name == **axis.name()) {
            Some(dimension) => match &dimension.def {
                DimensionDef::Dynamic(set) => axis.unregistered(set, key),
                _ => axis.unknown(&dimension.definition, key),
            },
            None => axis.unknown("", key),
        })
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
