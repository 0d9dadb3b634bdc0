//! What an asset may say of its table beside what every store understands.

use crate::asset::{AssetSpec, Mode};
use crate::error::Result;
use crate::io::merge::{MERGE_OPTIONS, Merge};
use crate::io::schema_mode::{SCHEMA_MODE, check_schema_mode};
use crate::io::{Capabilities, OptionDef};
use crate::metadata::MetadataValue;

pub(super) const OPTIONS: &[OptionDef] = &[SCHEMA_MODE, MERGE_OPTIONS[0], MERGE_OPTIONS[1], MERGE_OPTIONS[2]];

/// Refuses what an asset or its store says of a table that does not go together.
pub(super) fn check(asset: &AssetSpec, mode: Mode, of_store: &[(String, MetadataValue)], can: &Capabilities) -> Result<()> {
    of_store.iter().try_for_each(|(name, value)| can.check_option(name, value))?;
    check_schema_mode(asset, mode)?;
    super::expression::check(asset)?;
    Merge::of(asset, mode).map(|_| ())
}
