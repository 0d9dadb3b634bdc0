//! How Parquet files are written, for every store that writes them.

use polars::io::parquet::write::StatisticsOptions;
use polars::polars_utils::compression::{GzipLevel, ZstdLevel};
use polars::prelude::{ParquetCompression, ParquetWriteOptions};

use super::{OptionDef, OptionKind};
use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::MetadataValue;

const COMPRESSION: OptionDef = OptionDef {
    name: "compression",
    kind: OptionKind::OneOf(&["zstd", "snappy", "lz4", "gzip", "uncompressed"]),
    about: "how column chunks are compressed (zstd)",
};

const COMPRESSION_LEVEL: OptionDef =
    OptionDef { name: "compression_level", kind: OptionKind::Int, about: "how hard zstd (3) or gzip (6) tries" };

const ROW_GROUP_SIZE: OptionDef =
    OptionDef { name: "row_group_size", kind: OptionKind::Int, about: "rows in a row group (about 122,880)" };

const DATA_PAGE_SIZE: OptionDef =
    OptionDef { name: "data_page_size", kind: OptionKind::Int, about: "bytes in a data page (1 MiB)" };

const STATISTICS: OptionDef =
    OptionDef { name: "statistics", kind: OptionKind::Bool, about: "whether files say the bounds of their columns (true)" };

/// The options that an asset may set.
pub(crate) const PARQUET_OPTIONS: &[OptionDef] = &[COMPRESSION, COMPRESSION_LEVEL, ROW_GROUP_SIZE, DATA_PAGE_SIZE, STATISTICS];

/// How the files of an asset are written.
pub(crate) fn parquet_options(asset: &AssetSpec) -> Result<ParquetWriteOptions> {
    let number = |option: &OptionDef| match asset.store_option(option.name) {
        Some(MetadataValue::Int(number)) => Some(*number),
        _ => None,
    };
    let size = |option: &OptionDef| number(option).and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
    let statistics = match asset.store_option(STATISTICS.name) {
        Some(MetadataValue::Bool(false)) => StatisticsOptions::empty(),
        _ => StatisticsOptions::default(),
    };
    Ok(ParquetWriteOptions {
        compression: compression(asset, number(&COMPRESSION_LEVEL))?,
        statistics,
        row_group_size: size(&ROW_GROUP_SIZE),
        data_page_size: size(&DATA_PAGE_SIZE),
        ..Default::default()
    })
}

fn compression(asset: &AssetSpec, level: Option<i64>) -> Result<ParquetCompression> {
    let name = match asset.store_option(COMPRESSION.name) {
        Some(MetadataValue::Text(name)) => name.as_str(),
        _ => "zstd",
    };
    let range = |least: i64, greatest: i64| {
        let message = format!("`compression_level` of `{name}` is from {least} to {greatest}");
        Error::new(ErrorKind::StoreOption, message)
    };
    Ok(match (name, level) {
        ("zstd", level) => {
            let level = i32::try_from(level.unwrap_or(3)).ok().and_then(|level| ZstdLevel::try_new(level).ok());
            ParquetCompression::Zstd(Some(level.ok_or_else(|| range(1, 22))?))
        }
        ("gzip", Some(level)) => {
            let level = u8::try_from(level).ok().and_then(|level| GzipLevel::try_new(level).ok());
            ParquetCompression::Gzip(Some(level.ok_or_else(|| range(1, 9))?))
        }
        (_, Some(_)) => {
            let message = format!("`{name}` has no `compression_level`");
            return Err(Error::new(ErrorKind::StoreOption, message).help("leave it out, or use zstd or gzip"));
        }
        ("snappy", None) => ParquetCompression::Snappy,
        ("lz4", None) => ParquetCompression::Lz4Raw,
        ("gzip", None) => ParquetCompression::Gzip(None),
        (_, None) => ParquetCompression::Uncompressed,
    })
}
