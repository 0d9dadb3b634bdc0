//! Sets of partitions as bitmaps over the indices of a space.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use roaring::RoaringTreemap;

use super::runs::{self, Runs};
use super::{KeySpace, PartitionKey};
use crate::slice::{KeyBox, Slice};

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
        Self::new(self.space.clone(), &self.indices | &*other.carried(&self.space))
    }

    /// Those in both.
    #[must_use]
    pub fn intersection(&self, other: &KeySet) -> KeySet {
        Self::new(self.space.clone(), &self.indices & &*other.carried(&self.space))
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &KeySet) -> KeySet {
        Self::new(self.space.clone(), &self.indices - &*other.carried(&self.space))
    }

    /// The places on one axis that occur, sorted.
    #[must_use]
    pub fn places(&self, axis: usize) -> RoaringTreemap {
        let lengths = self.space.lengths();
        if self.len() == self.space.len() && !self.is_empty() {
            return runs::map(&runs::below(lengths[axis]));
        }
        let mut left = runs::of(&self.indices);
        for stride in (1..=axis).map(|axis| lengths[axis..].iter().product()) {
            // Which rows there are no longer matters, only what is in any of them.
            let mut any = RoaringTreemap::new();
            for (_, row) in runs::rows(&left, stride) {
                runs::insert(&mut any, &row);
            }
            left = runs::of(&any);
        }
        let stride: u64 = lengths[axis + 1..].iter().product();
        let mut places = Runs::new();
        for (first, last) in left {
            runs::push(&mut places, first / stride, last / stride);
        }
        runs::map(&places)
    }

    /// One set for each place on an axis that occurs, in order.
    #[must_use]
    pub fn split(&self, axis: usize) -> Vec<(u64, KeySet)> {
        let mut found: HashMap<u64, RoaringTreemap> = HashMap::new();
        for mut each in self.run_boxes() {
            let places = each[axis].clone();
            for place in runs::numbers(&places) {
                each[axis] = vec![(place, place)];
                runs::insert(found.entry(place).or_default(), &runs::product(&each, self.space.lengths()));
            }
        }
        let mut found: Vec<_> = found.into_iter().map(|(place, set)| (place, Self::new(self.space.clone(), set))).collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        found
    }

    /// The set as disjoint boxes: for each box the places on each axis, in the order of the axes. The union of the boxes is exactly
    /// the set, and the boxes are the same for the same set.
    #[must_use]
    pub fn boxes(&self) -> Vec<Vec<RoaringTreemap>> {
        self.run_boxes().iter().map(|each| each.iter().map(|runs| runs::map(runs)).collect()).collect()
    }

    /// The slice that names exactly these partitions.
    #[must_use]
    pub fn slice(&self) -> Slice {
        let axes = self.space.axes();
        let mut known: Vec<HashMap<u64, Arc<str>>> = vec![HashMap::new(); axes.len()];
        let boxes = self.run_boxes().into_iter().map(|each| {
            let dimensions = axes.iter().zip(each).zip(&mut known);
            let dimensions = dimensions.map(|((axis, places), known)| (axis.name().clone(), axis.to_items(&places, known)));
            KeyBox { dimensions: dimensions.collect() }
        });
        Slice::of_boxes(boxes.collect())
    }

    /// Adds runs of indices.
    pub(super) fn extend(&mut self, indices: &[(u64, u64)]) {
        runs::insert(&mut self.indices, indices);
    }

    /// The indices as runs.
    pub(super) fn runs(&self) -> Runs {
        runs::of(&self.indices)
    }

    /// As [`boxes`](Self::boxes), as runs.
    pub(super) fn run_boxes(&self) -> Vec<Vec<Runs>> {
        cut(&runs::of(&self.indices), self.space.lengths())
    }

    /// The set with the same keys in another space.
    fn carried(&self, to: &KeySpace) -> Cow<'_, RoaringTreemap> {
        if self.space.same(to) {
            return Cow::Borrowed(&self.indices);
        }
        let names = |space: &KeySpace| space.axes().iter().map(|axis| axis.name().clone()).collect::<Vec<_>>();
        let mut carried = RoaringTreemap::new();
        if names(&self.space) == names(to) {
            for each in self.run_boxes() {
                let axes = self.space.axes().iter().zip(to.axes()).zip(&each);
                let places: Vec<Runs> = axes.map(|((axis, to), places)| axis.carry(places, to)).collect();
                runs::insert(&mut carried, &runs::product(&places, to.lengths()));
            }
        }
        Cow::Owned(carried)
    }
}

/// Cuts indices into boxes: the places of the first axis are grouped by what they have on the others, and so on.
fn cut(indices: &[(u64, u64)], lengths: &[u64]) -> Vec<Vec<Runs>> {
    match lengths {
        _ if indices.is_empty() => Vec::new(),
        [] | [_] => vec![vec![indices.to_vec()]],
        [_, rest @ ..] => runs::rows(indices, rest.iter().product())
            .into_iter()
            .flat_map(|(places, row)| {
                cut(&row, rest).into_iter().map(move |mut each| {
                    each.insert(0, places.clone());
                    each
                })
            })
            .collect(),
    }
}
