//! What an asset may say of its table beside what every store understands.

use crate::asset::{AssetSpec, Mode};
use crate::error::{Error, ErrorKind, Result};
use crate::io::parquet_options::PARQUET_OPTIONS;
use crate::io::{OptionDef, OptionKind};
use crate::metadata::MetadataValue;

const SCHEMA_MODE: OptionDef = OptionDef {
    name: "schema_mode",
    kind: OptionKind::OneOf(&["strict", "merge", "overwrite"]),
    about: "whether a run may change the columns of the table (strict: no)",
};

const CUSTOM_METADATA: OptionDef = OptionDef {
    name: "custom_metadata",
    kind: OptionKind::Text,
    about: "what each commit carries beside: `key=value`, several separated by commas",
};

pub(super) const OPTIONS: &[OptionDef] = &[
    SCHEMA_MODE,
    CUSTOM_METADATA,
    PARQUET_OPTIONS[0],
    PARQUET_OPTIONS[1],
    PARQUET_OPTIONS[2],
    PARQUET_OPTIONS[3],
    PARQUET_OPTIONS[4],
];

/// Whether a run may change the columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemaMode {
    Strict,
    Merge,
    Overwrite,
}

pub(super) fn schema_mode(asset: &AssetSpec) -> SchemaMode {
    match asset.store_option(SCHEMA_MODE.name) {
        Some(MetadataValue::Text(mode)) if mode == "merge" => SchemaMode::Merge,
        Some(MetadataValue::Text(mode)) if mode == "overwrite" => SchemaMode::Overwrite,
        _ => SchemaMode::Strict,
    }
}

/// Refuses to replace the columns of a table of which only a part is written.
pub(super) fn check_schema_mode(asset: &AssetSpec, mode: Mode) -> Result<()> {
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

/// What each commit carries beside.
pub(super) fn custom_metadata(asset: &AssetSpec) -> Result<Vec<(String, String)>> {
    let Some(MetadataValue::Text(text)) = asset.store_option(CUSTOM_METADATA.name) else { return Ok(Vec::new()) };
    let pair = |pair: &str| match pair.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() && !key.trim().starts_with("lakewright.") => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => {
            let message = format!("`{}` in `custom_metadata` is not `key=value`", pair.trim());
            let help = "separate several by commas; keys that begin with `lakewright.` are taken";
            Err(Error::new(ErrorKind::StoreOption, message).help(help))
        }
    };
    text.split(',').map(pair).collect()
}
