//! What an asset may say of its table beside what every store understands.

use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::io::merge::MERGE_OPTIONS;
use crate::io::parquet_options::PARQUET_OPTIONS;
use crate::io::schema_mode::SCHEMA_MODE;
use crate::io::{OptionDef, OptionKind};
use crate::metadata::MetadataValue;

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
    MERGE_OPTIONS[0],
    MERGE_OPTIONS[1],
    MERGE_OPTIONS[2],
];

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
