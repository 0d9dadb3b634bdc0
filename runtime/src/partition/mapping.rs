//! Which partitions of an upstream asset a partition is made from, and which partitions an upstream partition feeds.

use super::{KeySet, KeySpace, PartitionsDef};
use crate::error::Result;

/// Which upstream partitions an input gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mapping {
    /// The partition with the same key.
    Identity,
    /// All that exist.
    All,
    /// The last that exists.
    Last,
    /// For a time definition, or for the time dimension of both: the windows from `start` to `end`, counted from the one that is
    /// made; `-1, -1` is the one before. Those before the first window are left out.
    Offset {
        /// The first, relative to the one that is made.
        start: i64,
        /// The last, relative to the one that is made.
        end: i64,
    },
    /// For two time definitions: every window that overlaps.
    Overlap,
    /// Always these.
    Keys(Vec<String>),
    /// For each key the upstream keys it is made from; a key that is not listed is made from none.
    Map(Vec<(String, Vec<String>)>),
    /// For definitions of several dimensions: one mapping for each dimension of the upstream definition, by its name. The dimension
    /// of the downstream definition is the one of the same name, or, where the downstream definition has one dimension only, that
    /// one; a dimension that is not named here maps by identity (or overlap) if the downstream has it, and else takes all.
    Dimensions(Vec<(String, Mapping)>),
}

/// A mapping as the macro writes it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MappingDef {
    /// [`Mapping::Identity`].
    Identity,
    /// [`Mapping::All`].
    All,
    /// [`Mapping::Last`].
    Last,
    /// [`Mapping::Offset`].
    Offset(i64, i64),
    /// [`Mapping::Overlap`].
    Overlap,
    /// [`Mapping::Keys`].
    Keys(&'static [&'static str]),
    /// [`Mapping::Map`].
    Map(&'static [(&'static str, &'static [&'static str])]),
    /// [`Mapping::Dimensions`].
    Dimensions(&'static [(&'static str, MappingDef)]),
}

impl From<&MappingDef> for Mapping {
    fn from(def: &MappingDef) -> Self {
        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        match def {
            MappingDef::Identity => Self::Identity,
            MappingDef::All => Self::All,
            MappingDef::Last => Self::Last,
            MappingDef::Offset(start, end) => Self::Offset { start: *start, end: *end },
            MappingDef::Overlap => Self::Overlap,
            MappingDef::Keys(keys) => Self::Keys(owned(keys)),
            MappingDef::Map(pairs) => Self::Map(pairs.iter().map(|(key, keys)| ((*key).to_owned(), owned(keys))).collect()),
            MappingDef::Dimensions(all) => {
                Self::Dimensions(all.iter().map(|(name, mapping)| ((*name).to_owned(), mapping.into())).collect())
            }
        }
    }
}

impl Mapping {
    /// The mapping between two definitions if the input says none: the same definition → identity; time ↔ time → overlap; several
    /// dimensions ↔ one of them → that dimension. If one of the two is not partitioned, all.
    ///
    /// # Errors
    /// If there is none: the message says what both are, the help which mappings would do.
    pub fn default_for(upstream: Option<&PartitionsDef>, downstream: Option<&PartitionsDef>) -> Result<Self> {
        let _ = (upstream, downstream);
        unimplemented!()
    }

    /// Whether the mapping can be used between two definitions.
    ///
    /// # Errors
    /// If not: why, and which mappings would do.
    pub fn check(&self, upstream: Option<&PartitionsDef>, downstream: Option<&PartitionsDef>) -> Result<()> {
        let _ = (upstream, downstream);
        unimplemented!()
    }

    /// The upstream partitions that these downstream partitions are made from; `None` stands for an asset that is not partitioned.
    ///
    /// # Errors
    /// If a key that the mapping names does not exist upstream.
    pub fn upstream(&self, downstream: Option<&KeySet>, upstream: &KeySpace) -> Result<KeySet> {
        let _ = (downstream, upstream);
        unimplemented!()
    }

    /// The downstream partitions that these upstream partitions feed.
    ///
    /// # Errors
    /// If a key that the mapping names does not exist downstream.
    pub fn downstream(&self, upstream: Option<&KeySet>, downstream: &KeySpace) -> Result<KeySet> {
        let _ = (upstream, downstream);
        unimplemented!()
    }
}
