//! Definitions: what keys there can be.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{KeySet, KeySpace, PartitionKey, TimeDef};
use crate::error::Result;
use crate::slice::Slice;

/// What the partitions of an asset are: a name and one or more dimensions. Cheap to clone; equal if everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionsDef {
    inner: Arc<Inner>,
}

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    name: String,
    /// In the order of the fields.
    dimensions: Vec<Dimension>,
    /// Whether it was declared with named dimensions, be it only one.
    multi: bool,
}

/// One dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Its name; empty for the only dimension of a definition that is not multi-dimensional.
    pub name: String,
    /// The name of the definition that it is of, for example `Day`.
    pub definition: String,
    /// What its keys are.
    pub def: DimensionDef,
}

/// What the keys of a dimension are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DimensionDef {
    /// These, in this order.
    Static(Arc<[Arc<str>]>),
    /// Windows of time.
    Time(Arc<TimeDef>),
    /// Those of the named set in the run state.
    Dynamic(Arc<str>),
}

impl PartitionsDef {
    /// A fixed list of keys.
    ///
    /// # Errors
    /// If there is none, one repeats, is empty or contains control characters.
    pub fn fixed<K: AsRef<str>>(name: impl Into<String>, keys: impl IntoIterator<Item = K>) -> Result<Self> {
        let _ = (name.into(), keys.into_iter().count());
        unimplemented!()
    }

    /// Windows of time.
    pub fn time(name: impl Into<String>, def: TimeDef) -> Self {
        let _ = (name.into(), def);
        unimplemented!()
    }

    /// The set of this name in the run state.
    pub fn dynamic(name: impl Into<String>) -> Self {
        let _ = name.into();
        unimplemented!()
    }

    /// Every combination of these dimensions, each of which has one dimension itself.
    ///
    /// # Errors
    /// If there is none, two have one name, or one has several dimensions itself.
    pub fn multi<N: Into<String>>(
        name: impl Into<String>,
        dimensions: impl IntoIterator<Item = (N, PartitionsDef)>,
    ) -> Result<Self> {
        let _ = (name.into(), dimensions.into_iter().count());
        unimplemented!()
    }

    /// Its name, as errors say it: `Species`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Whether its dimensions have names.
    #[must_use]
    pub fn is_multi(&self) -> bool {
        self.inner.multi
    }

    /// Its dimensions, in the order they were declared.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        &self.inner.dimensions
    }

    /// The keys there are at this moment; `dynamic` holds the keys of each dynamic set, in their order.
    ///
    /// # Errors
    /// If a set is missing, or the definition cannot be resolved at this moment.
    pub fn space(&self, now: Timestamp, dynamic: &BTreeMap<String, Vec<String>>) -> Result<KeySpace> {
        let _ = (now, dynamic);
        unimplemented!()
    }

    /// The names of the dynamic sets it needs.
    pub fn dynamic_sets(&self) -> impl Iterator<Item = &str> {
        self.inner.dimensions.iter().filter_map(|dimension| match &dimension.def {
            DimensionDef::Dynamic(name) => Some(&**name),
            _ => None,
        })
    }

    /// Reads the text form of a key. Whether there is such a key is for a [`KeySpace`] to say.
    ///
    /// # Errors
    /// If it has not one value for each dimension.
    pub fn parse_key(&self, text: &str) -> Result<PartitionKey> {
        let _ = text;
        unimplemented!()
    }

    /// The partitions that a slice names, in a space that holds them; no run state is needed: a dynamic dimension has just the keys
    /// that the slice names (sorted), a time dimension goes far enough to hold the last window named.
    ///
    /// # Errors
    /// If the slice names a key that cannot be one of this definition; [`Slice::Whole`] is an error too.
    pub fn resolve(&self, slice: &Slice) -> Result<KeySet> {
        let _ = slice;
        unimplemented!()
    }

    /// The partitions that any of these slices names.
    ///
    /// # Errors
    /// As [`PartitionsDef::resolve`].
    pub fn combine<'s>(&self, slices: impl IntoIterator<Item = &'s Slice>) -> Result<KeySet> {
        let _ = slices.into_iter().count();
        unimplemented!()
    }
}
