//! Partitions: what the keys of an asset are, which of them belong together, and which of them feed which.
//!
//! A [`PartitionsDef`] says what keys there can be; a [`KeySpace`] is what it comes to at one moment, each key with an index; a
//! [`KeySet`] is a set of those indices. [`Mapping`]s carry sets from one definition to another, both ways.

mod axis;
mod def;
pub(crate) mod edge;
pub(crate) mod generated;
mod key;
mod many;
mod mapping;
mod marks;
pub(crate) mod own;
mod plan;
mod runs;
mod set;
mod shape;
mod space;
mod text;
mod time;
mod typed;

pub use axis::Axis;
pub use def::{Dimension, DimensionDef, PartitionsDef};
pub use key::PartitionKey;
pub use many::{PartitionSet, Partitions, PartitionsIter};
pub use mapping::{Mapping, MappingDef};
pub(crate) use marks::Marks;
pub use set::KeySet;
pub use shape::{AssetShape, DimensionShape, Shape, ShapeKind};
pub use space::KeySpace;
pub use time::{Every, TimeDef, Window};
pub use typed::{Partition, PartitionDefinition, TimePartitions, Unpartitioned};
