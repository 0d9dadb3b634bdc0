//! What a file of assets needs: the attributes, the special parameter types, and Polars' names.

pub use crate::asset::ValueKind;
pub use crate::assets;
pub use crate::partition::{Partition, PartitionSet, Partitions};
pub use crate::{
    AssetKey, Bytes, Columns, Config, Context, Error, Lakehouse, MetadataValue, Output, Registry, Resource, Result, Rows, asset,
    external_asset, partitions,
};

#[cfg(feature = "polars")]
pub use polars::prelude::*;
