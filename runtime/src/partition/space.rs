//! What a definition comes to at one moment: each key with an index.

use std::collections::HashMap;
use std::sync::Arc;

use super::{KeySet, PartitionKey, PartitionsDef, TimeDef, Window};
use crate::error::Result;
use crate::slice::Slice;

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
}

/// The keys of one dimension at one moment.
#[derive(Debug)]
pub struct Axis {
    name: Arc<str>,
    keys: AxisKeys,
}

#[derive(Debug)]
enum AxisKeys {
    Listed { keys: Vec<Arc<str>>, index: HashMap<Arc<str>, u64> },
    Time { def: Arc<TimeDef>, count: u64 },
}

impl Axis {
    /// The name of the dimension.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        unimplemented!()
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
        let _ = (place, &self.keys);
        unimplemented!()
    }

    /// The place of a key.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<u64> {
        let _ = key;
        unimplemented!()
    }

    /// The definition of a time dimension.
    #[must_use]
    pub fn time(&self) -> Option<&Arc<TimeDef>> {
        unimplemented!()
    }

    /// The window at a place of a time dimension.
    #[must_use]
    pub fn window(&self, place: u64) -> Option<Window> {
        let _ = place;
        unimplemented!()
    }
}

impl KeySpace {
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
        unimplemented!()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both have the same keys with the same indices, so that sets of one are sets of the other.
    #[must_use]
    pub fn same(&self, other: &KeySpace) -> bool {
        let _ = other;
        unimplemented!()
    }

    /// The places on the axes that an index stands for.
    #[must_use]
    pub fn places(&self, index: u64) -> Vec<u64> {
        let _ = index;
        unimplemented!()
    }

    /// The index of places on the axes.
    #[must_use]
    pub fn at(&self, places: &[u64]) -> u64 {
        let _ = places;
        unimplemented!()
    }

    /// The key at an index.
    ///
    /// # Panics
    /// If there is no such index.
    #[must_use]
    pub fn key(&self, index: u64) -> PartitionKey {
        let _ = index;
        unimplemented!()
    }

    /// The index of a key.
    ///
    /// # Errors
    /// If there is no such key: says why (not registered, outside start and end, no such static key with the nearest, wrong format
    /// with an example).
    pub fn index(&self, key: &PartitionKey) -> Result<u64> {
        let _ = key;
        unimplemented!()
    }

    /// The set of all keys.
    #[must_use]
    pub fn all(&self) -> KeySet {
        unimplemented!()
    }

    /// The set of none.
    #[must_use]
    pub fn none(&self) -> KeySet {
        unimplemented!()
    }

    /// The set of these keys.
    ///
    /// # Errors
    /// As [`KeySpace::index`].
    pub fn set<'k>(&self, keys: impl IntoIterator<Item = &'k PartitionKey>) -> Result<KeySet> {
        let _ = keys.into_iter().count();
        unimplemented!()
    }

    /// Every combination of these values: one list of keys for each axis, in the order of the axes.
    ///
    /// # Errors
    /// As [`KeySpace::index`].
    pub fn product(&self, values: &[Vec<String>]) -> Result<KeySet> {
        let _ = values;
        unimplemented!()
    }

    /// The keys of one axis from `first` to `last`, both included, as values for [`KeySpace::product`].
    ///
    /// # Errors
    /// As [`KeySpace::index`], or if `last` comes before `first`.
    pub fn range(&self, axis: usize, first: &str, last: &str) -> Result<Vec<String>> {
        let _ = (axis, first, last);
        unimplemented!()
    }

    /// The keys of a slice that exist here; [`Slice::Whole`] is all of them. Keys of the slice that do not exist here are left out.
    #[must_use]
    pub fn known(&self, slice: &Slice) -> KeySet {
        let _ = slice;
        unimplemented!()
    }
}
