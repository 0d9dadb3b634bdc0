//! What an asset may say of its table beside what every store understands.

use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result, known_names};
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

const TABLE_PROPERTIES: OptionDef = OptionDef {
    name: "table_properties",
    kind: OptionKind::Text,
    about: "properties of the table: `delta.appendOnly=true`, several separated by commas",
};

const TARGET_FILE_SIZE: OptionDef = OptionDef {
    name: "target_file_size",
    kind: OptionKind::Int,
    about: "about how many bytes a data file has at most (one file for each partition)",
};

/// The property of tables whose rows stay.
pub(super) const APPEND_ONLY: &str = "delta.appendOnly";

/// What a property takes.
#[derive(Clone, Copy)]
enum Takes {
    Bool,
    Number,
    Interval,
    Text,
}

/// The properties of tables that are set here, by what they take. Others need features that are not written.
const PROPERTIES: &[(&str, Takes)] = &[
    (APPEND_ONLY, Takes::Bool),
    ("delta.autoOptimize.autoCompact", Takes::Bool),
    ("delta.autoOptimize.optimizeWrite", Takes::Bool),
    ("delta.checkpointInterval", Takes::Number),
    ("delta.checkpoint.writeStatsAsJson", Takes::Bool),
    ("delta.checkpoint.writeStatsAsStruct", Takes::Bool),
    ("delta.dataSkippingNumIndexedCols", Takes::Number),
    ("delta.dataSkippingStatsColumns", Takes::Text),
    ("delta.deletedFileRetentionDuration", Takes::Interval),
    ("delta.enableExpiredLogCleanup", Takes::Bool),
    ("delta.isolationLevel", Takes::Text),
    ("delta.logRetentionDuration", Takes::Interval),
    ("delta.targetFileSize", Takes::Number),
    ("delta.tuneFileSizesForRewrites", Takes::Bool),
];

pub(super) const OPTIONS: &[OptionDef] = &[
    SCHEMA_MODE,
    CUSTOM_METADATA,
    PARQUET_OPTIONS[0],
    PARQUET_OPTIONS[1],
    PARQUET_OPTIONS[2],
    PARQUET_OPTIONS[3],
    PARQUET_OPTIONS[4],
    TABLE_PROPERTIES,
    TARGET_FILE_SIZE,
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

/// About how many bytes a data file has at most.
pub(super) fn target_file_size(asset: &AssetSpec) -> Option<u64> {
    match asset.store_option(TARGET_FILE_SIZE.name) {
        Some(MetadataValue::Int(bytes)) => u64::try_from(*bytes).ok(),
        _ => None,
    }
}

/// The properties that the asset wants its table to have.
pub(super) fn table_properties(asset: &AssetSpec) -> Result<Vec<(String, String)>> {
    let Some(MetadataValue::Text(text)) = asset.store_option(TABLE_PROPERTIES.name) else { return Ok(Vec::new()) };
    let wrong = |message: String, help: String| Err(Error::new(ErrorKind::StoreOption, message).help(help));
    let mut properties: Vec<(String, String)> = Vec::new();
    for pair in text.split(',') {
        let Some((name, value)) = pair.split_once('=').map(|(name, value)| (name.trim(), value.trim())) else {
            let message = format!("`{}` in `table_properties` is not `name=value`", pair.trim());
            return wrong(message, "separate several by commas".to_owned());
        };
        if properties.iter().any(|(known, _)| known == name) {
            return wrong(format!("`table_properties` sets `{name}` twice"), "leave one of them out".to_owned());
        }
        let known = PROPERTIES.iter().find(|(known, _)| *known == name);
        let takes = match known {
            Some((_, takes)) => *takes,
            None if !name.to_ascii_lowercase().starts_with("delta.") && !name.is_empty() => Takes::Text,
            None => {
                let message = format!("`{name}` in `table_properties` is no property of tables that is set here");
                return wrong(message, known_names(name, "properties", PROPERTIES.iter().map(|(known, _)| *known)));
            }
        };
        let (fits, what) = match takes {
            Takes::Bool => (matches!(value, "true" | "false"), "`true` or `false`"),
            Takes::Number => (value.parse::<u64>().is_ok_and(|number| number > 0), "a whole number from 1"),
            Takes::Interval => (is_interval(value), "an interval, `interval 30 days`"),
            Takes::Text => (!value.is_empty(), "a text"),
        };
        if !fits {
            return wrong(
                format!("the property `{name}` takes {what}, not `{value}`"),
                "see the documentation of Delta".to_owned(),
            );
        }
        properties.push((name.to_owned(), value.to_owned()));
    }
    Ok(properties)
}

fn is_interval(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [interval, number, unit] = words[..] else { return false };
    let units = ["second", "minute", "hour", "day", "week"];
    interval.eq_ignore_ascii_case("interval")
        && number.parse::<u64>().is_ok()
        && units.iter().any(|known| unit == *known || unit.strip_suffix('s') == Some(known))
}
