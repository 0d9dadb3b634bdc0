//! `schema_mode`: whether a run may change the columns of a table.

use super::{OptionDef, OptionKind};
use crate::asset::{AssetSpec, Mode};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::MetadataValue;

/// The option of stores whose tables have columns of their own.
pub(crate) const SCHEMA_MODE: OptionDef = OptionDef {
    name: "schema_mode",
    kind: OptionKind::OneOf(&["strict", "merge", "overwrite"]),
    about: "whether a run may change the columns of the table (strict: no)",
};

/// Whether a run may change the columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaMode {
    Strict,
    Merge,
    Overwrite,
}

pub(crate) fn schema_mode(asset: &AssetSpec) -> SchemaMode {
    match asset.store_option(SCHEMA_MODE.name) {
        Some(MetadataValue::Text(mode)) if mode == "merge" => SchemaMode::Merge,
        Some(MetadataValue::Text(mode)) if mode == "overwrite" => SchemaMode::Overwrite,
        _ => SchemaMode::Strict,
    }
}

/// Refuses to replace the columns of a table of which only a part is written.
pub(crate) fn check_schema_mode(asset: &AssetSpec, mode: Mode) -> Result<()> {
    if schema_mode(asset) == SchemaMode::Overwrite && mode != Mode::Overwrite {
        let message = format!(
            "`schema_mode = \"overwrite\"` replaces the columns, and `mode = \"{}\"` keeps the rows that have them",
            mode.name()
        );
        return Err(Error::new(ErrorKind::NotHonoured, message).help("use `schema_mode = \"merge\"` to add columns"));
    }
    let part_of_table = asset.partitions.is_some() && asset.partition_expr.is_some();
    if schema_mode(asset) == SchemaMode::Overwrite && part_of_table {
        let message =
            "`schema_mode = \"overwrite\"` replaces the columns of the whole table, and a run writes only some partitions of it";
        return Err(Error::new(ErrorKind::NotHonoured, message).help("use \"merge\" to add columns"));
    }
    Ok(())
}
