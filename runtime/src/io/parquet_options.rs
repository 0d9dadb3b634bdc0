//! How Parquet files are written, for every store that writes them.

use polars::polars_utils::compression::ZstdLevel;
use polars::prelude::{ParquetCompression, ParquetWriteOptions};

use super::{OptionDef, OptionKind};
use crate::asset::AssetSpec;
use crate::error::Result;
use crate::metadata::MetadataValue;

pub(crate) const COMPRESSION: OptionDef = OptionDef {
    name: "compression",
    kind: OptionKind::OneOf(&["zstd", "snappy", "lz4", "gzip", "uncompressed"]),
    about: "how column chunks are compressed (zstd)",
};

pub(crate) const ROW_GROUP_SIZE: OptionDef =
    OptionDef { name: "row_group_size", kind: OptionKind::Int, about: "rows in a row group (about 122,880)" };

/// How the files of an asset are written.
pub(crate) fn parquet_options(asset: &AssetSpec) -> Result<ParquetWriteOptions> {
    let compression = match asset.store_option(COMPRESSION.name) {
        Some(MetadataValue::Text(name)) => match name.as_str() {
            "snappy" => ParquetCompression::Snappy,
            "lz4" => ParquetCompression::Lz4Raw,
            "gzip" => ParquetCompression::Gzip(None),
            "uncompressed" => ParquetCompression::Uncompressed,
            _ => ParquetCompression::Zstd(Some(ZstdLevel::try_new(3)?)),
        },
        _ => ParquetCompression::Zstd(Some(ZstdLevel::try_new(3)?)),
    };
    let row_group_size = match asset.store_option(ROW_GROUP_SIZE.name) {
        Some(MetadataValue::Int(rows)) => usize::try_from(*rows).ok().filter(|rows| *rows > 0),
        _ => None,
    };
    Ok(ParquetWriteOptions { compression, row_group_size, ..Default::default() })
}
