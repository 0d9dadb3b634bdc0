//! Sets of partitions as bitmaps over the indices of a space.

use roaring::RoaringTreemap;

use super::{KeySpace, PartitionKey};
use crate::slice::Slice;

/// A set of partitions. Ranges and bitmaps inside: a million keys take kilobytes, and set algebra on them milliseconds.
///
/// Binary operations take sets of the [same](KeySpace::same) space; sets of another space are carried over by their keys, and keys
/// that do not exist here are left out.
#[derive(Debug, Clone)]
pub struct KeySet {
    space: KeySpace,
    indices: RoaringTreemap,
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.space.same(&other.space) && self.indices == other.indices
    }
}

impl KeySet {
    pub(crate) fn new(space: KeySpace, indices: RoaringTreemap) -> Self {
        Self { space, indices }
    }

    /// The space.
    #[must_use]
    pub fn space(&self) -> &KeySpace {
        &self.space
    }

    /// How many partitions.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.indices.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Whether the partition with this index is in it.
    #[must_use]
    pub fn contains(&self, index: u64) -> bool {
        self.indices.contains(index)
    }

    /// The set of just this partition, of the same space.
    #[must_use]
    pub fn only(&self, index: u64) -> KeySet {
        let mut indices = RoaringTreemap::new();
        indices.insert(index);
        Self::new(self.space.clone(), indices)
    }

    /// Adds the partition with this index.
    pub fn insert(&mut self, index: u64) {
        self.indices.insert(index);
    }

    /// The indices, in the order of keys.
    pub fn indices(&self) -> impl Iterator<Item = u64> + '_ {
        self.indices.iter()
    }

    /// The keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = PartitionKey> + '_ {
        self.indices().map(|index| self.space.key(index))
    }

    /// Those in either.
    #[must_use]
    pub fn union(&self, other: &KeySet) -> KeySet {
        let _ = other;
        unimplemented!()
    }

    /// Those in both.
    #[must_use]
    pub fn intersection(&self, other: &KeySet) -> KeySet {
        let _ = other;
        unimplemented!()
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &KeySet) -> KeySet {
        let _ = other;
        unimplemented!()
    }

    /// The places on one axis that occur, sorted.
    #[must_use]
    pub fn places(&self, axis: usize) -> RoaringTreemap {
        let _ = axis;
        unimplemented!()
    }

    /// One set for each place on an axis that occurs, in order.
    #[must_use]
    pub fn split(&self, axis: usize) -> Vec<(u64, KeySet)> {
        let _ = axis;
        unimplemented!()
    }

    /// The set as disjoint boxes: for each box the places on each axis, in the order of the axes. The union of the boxes is exactly
    /// the set, and the boxes are the same for the same set.
    #[must_use]
    pub fn boxes(&self) -> Vec<Vec<RoaringTreemap>> {
        unimplemented!()
    }

    /// The slice that names exactly these partitions.
    #[must_use]
    pub fn slice(&self) -> Slice {
        unimplemented!()
    }
}
