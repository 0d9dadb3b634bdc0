//! What each key was last marked with, in a form that is kept and read at once.

use std::sync::Arc;

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

use super::axis::{Axis, AxisDigest};
use super::runs::{self, Runs};
use super::{KeySet, KeySpace};
use crate::error::Result;
use crate::slice::{KeyBox, KeyItem, Slice};

/// A mark for each key of a space, or none.
pub(crate) struct Marks {
    space: KeySpace,
    /// The keys with each mark.
    sets: Vec<RoaringTreemap>,
    /// Whether everything that was ever marked is a key of the space.
    exact: bool,
}

/// How marks are kept: with what the places of the bitmaps mean.
#[derive(Serialize, Deserialize)]
struct Kept {
    axes: Vec<AxisDigest>,
    marks: usize,
}

impl Marks {
    /// No key has any of this many marks.
    pub(crate) fn none(space: KeySpace, marks: usize) -> Self {
        Self { space, sets: vec![RoaringTreemap::new(); marks], exact: true }
    }

    /// As [`Marks::mark`], of a slice as text. Most are one key, and there may be a million of them.
    ///
    /// # Errors
    /// If it is no slice.
    pub(crate) fn mark_text(&mut self, slice: &str, mark: usize) -> Result<()> {
        match only_key(slice).and_then(|key| self.only_axis()?.place(key)) {
            Some(index) => self.mark_one(index, mark),
            None => self.mark(&slice.parse()?, mark),
        }
        Ok(())
    }

    fn only_axis(&self) -> Option<&Axis> {
        match self.space.axes() {
            [axis] if axis.name().is_empty() => Some(axis),
            _ => None,
        }
    }

    fn mark_one(&mut self, index: u64, mark: usize) {
        for (number, set) in self.sets.iter_mut().enumerate() {
            if number == mark {
                set.insert(index)
            } else {
                set.remove(index)
            };
        }
    }

    /// Marks the keys of a slice, whatever they were marked with before.
    pub(crate) fn mark(&mut self, slice: &Slice, mark: usize) {
        if let Some(index) = self.one(slice) {
            self.mark_one(index, mark);
            return;
        }
        let indices = self.many(slice);
        for (number, set) in self.sets.iter_mut().enumerate() {
            if number == mark {
                runs::insert(set, &indices);
            } else {
                runs::remove(set, &indices);
            }
        }
    }

    /// The keys that have a mark.
    pub(crate) fn set(&self, mark: usize) -> KeySet {
        KeySet::new(self.space.clone(), self.sets[mark].clone())
    }

    /// The index of the one key that a slice names. Most slices do, and there may be a million of them.
    fn one(&self, slice: &Slice) -> Option<u64> {
        let Slice::Keys(boxes) = slice else { return None };
        let [KeyBox { dimensions }] = &boxes[..] else { return None };
        let axes = self.space.axes();
        if dimensions.len() != axes.len() {
            return None;
        }
        let mut index = 0;
        for ((axis, (name, items)), length) in axes.iter().zip(dimensions).zip(self.space.lengths()) {
            let [KeyItem::One(key)] = &items[..] else { return None };
            if name != axis.name() {
                return None;
            }
            index = index * length + axis.place(key)?;
        }
        Some(index)
    }

    fn many(&mut self, slice: &Slice) -> Runs {
        let Slice::Keys(boxes) = slice else {
            // All there are now need not be all there are later.
            self.exact = false;
            return runs::below(self.space.len());
        };
        let names: Vec<&Arc<str>> = self.space.axes().iter().map(super::Axis::name).collect();
        let ours = boxes.iter().all(|each| each.dimensions.iter().map(|(name, _)| name).eq(names.iter().copied()));
        self.exact &= ours;
        if self.exact {
            match self.space.of_boxes(boxes, true) {
                Ok(keys) => return keys.runs(),
                Err(_) => self.exact = false,
            }
        }
        self.space.known(slice).runs()
    }

    /// What identifies the keys, and the marks. Nothing if there was more to mark than keys: it may be a key again tomorrow.
    pub(crate) fn keep(&self) -> Option<(String, Vec<u8>)> {
        if !self.exact {
            return None;
        }
        let axes = self.space.axes().iter().map(super::Axis::digest).collect();
        let kept = serde_json::to_string(&Kept { axes, marks: self.sets.len() }).ok()?;
        let mut bytes = Vec::new();
        self.sets.iter().try_for_each(|set| set.serialize_into(&mut bytes)).ok()?;
        Some((kept, bytes))
    }

    /// What was kept, if it is about these keys: the same, or fewer of the first dimension.
    pub(crate) fn kept(space: KeySpace, kept: &str, mut bytes: &[u8]) -> Option<Self> {
        let Kept { axes, marks } = serde_json::from_str(kept).ok()?;
        let mut pairs = space.axes().iter().zip(&axes).enumerate();
        if axes.len() != space.axes().len() || !pairs.all(|(number, (axis, kept))| axis.begins_with(kept, number > 0)) {
            return None;
        }
        let sets = (0..marks).map(|_| RoaringTreemap::deserialize_from(&mut bytes)).collect::<Result<_, _>>().ok()?;
        Some(Self { space, sets, exact: true })
    }
}

/// The key, if a text is the slice of one key of the only dimension, without anything that is written in another way than it is.
fn only_key(slice: &str) -> Option<&str> {
    let key = slice.strip_prefix("v1:[")?.strip_suffix(']')?;
    let is_plain = |byte: u8| !matches!(byte, b'%' | b',' | b';' | b'&' | b'=' | b'[' | b']' | b'.');
    (!key.is_empty() && key.bytes().all(is_plain)).then_some(key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::partition::{PartitionKey, PartitionsDef};

    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    fn space(keys: &[&str]) -> KeySpace {
        let two =
            [("region", PartitionsDef::dynamic("regions")), ("size", PartitionsDef::fixed("Size", ["big", "small"]).unwrap())];
        let dynamic = BTreeMap::from([("regions".to_owned(), keys.iter().map(|key| (*key).to_owned()).collect())]);
        PartitionsDef::multi("Both", two).unwrap().space(Timestamp::UNIX_EPOCH, &dynamic).unwrap()
    }

    #[derive(Debug, Clone)]
    enum Act {
        Mark(Vec<(usize, bool)>, usize),
        Add(usize),
        Remove(usize),
        /// Somebody asks, and what was found is kept.
        Ask,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (proptest::collection::vec((0..NAMES.len(), any::<bool>()), 1..4), 0..3_usize).prop_map(|(keys, mark)| Act::Mark(keys, mark)),
            2 => (0..NAMES.len()).prop_map(Act::Add),
            1 => (0..NAMES.len()).prop_map(Act::Remove),
            2 => Just(Act::Ask),
        ]
    }

    proptest! {
        #[test]
        fn what_is_kept_and_what_came_since_are_all_there_is(acts in proptest::collection::vec(act(), 1..40)) {
            let everything = space(&NAMES);
            let (mut there, mut rows): (Vec<&str>, Vec<(Slice, usize)>) = (Vec::new(), Vec::new());
            let mut model: BTreeMap<PartitionKey, usize> = BTreeMap::new();
            let mut kept: Option<(String, Vec<u8>, usize)> = None;
            for act in acts.into_iter().chain([Act::Ask]) {
                match act {
                    Act::Mark(keys, mark) => {
                        let mut set = everything.none();
                        for (name, big) in keys {
                            set.insert(everything.parse(&format!("{}|{}", NAMES[name], if big { "big" } else { "small" })).unwrap());
                        }
                        model.extend(set.keys().map(|key| (key, mark)));
                        rows.push((set.slice(), mark));
                    }
                    Act::Add(name) if !there.contains(&NAMES[name]) => there.push(NAMES[name]),
                    Act::Add(_) => {}
                    Act::Remove(name) => there.retain(|key| *key != NAMES[name]),
                    Act::Ask => {
                        let now = space(&there);
                        let known = kept.as_ref().and_then(|(keys, bytes, read)| Some((Marks::kept(now.clone(), keys, bytes)?, *read)));
                        let (mut marks, read) = known.unwrap_or_else(|| (Marks::none(now.clone(), 3), 0));
                        for (slice, mark) in &rows[read..] {
                            marks.mark_text(&slice.to_string(), *mark).unwrap();
                        }
                        for mark in 0..3 {
                            let expected: Vec<_> = now.all().keys().filter(|key| model.get(key) == Some(&mark)).collect();
                            prop_assert_eq!(marks.set(mark).keys().collect::<Vec<_>>(), expected);
                        }
                        if let Some((keys, bytes)) = marks.keep() {
                            kept = Some((keys, bytes, rows.len()));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_names_all_is_not_kept_as_those_there_were() {
        let mut marks = Marks::none(space(&["a"]), 1);
        marks.mark(&Slice::Whole, 0);
        assert_eq!(marks.set(0).len(), 2);
        assert!(marks.keep().is_none());
    }
}
