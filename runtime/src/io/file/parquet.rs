//! Parquet, with statistics and zstd.

use std::io::Cursor;
use std::sync::Arc;

use polars::io::parquet::write::KeyValueMetadata;
use polars::prelude::{
    DataFrame, DataType, Engine, FileWriteFormat, HiveOptions, LazyFrame, ParquetReader, ParquetWriteOptions, ScanArgsParquet,
    Schema, SerReader,
};

use super::format::write_as_plan;
use super::{FileFormat, FileSink, FileSource, Written, hive};
use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::io::parquet_options::{PARQUET_OPTIONS, parquet_options};
use crate::io::sink::sink_args;
use crate::io::{OptionDef, OptionKind};
use crate::metadata::MetadataValue;

/// The key in the footer under which a file says what it is.
const FOOTER_KEY: &str = "lakewright";

const HIVE: OptionDef = OptionDef {
    name: "hive",
    kind: OptionKind::Bool,
    about: "whether an external asset is a folder of files in `column=value` folders, as Spark writes them (false)",
};

const OPTIONS: &[OptionDef] =
    &[HIVE, PARQUET_OPTIONS[0], PARQUET_OPTIONS[1], PARQUET_OPTIONS[2], PARQUET_OPTIONS[3], PARQUET_OPTIONS[4]];

/// Parquet, with statistics and zstd. The footer of each file says under the key `lakewright`, as JSON, which asset, slice, run and
/// code it comes from and what the body attached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parquet;

impl FileFormat for Parquet {
    const EXTENSION: &'static str = "parquet";

    fn store_name(&self) -> &'static str {
        "the Parquet store"
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn check_options(&self, asset: &AssetSpec) -> Result<()> {
        if asset.store_option(HIVE.name).is_some() && !asset.is_external() {
            let message = "`hive` reads a folder that somebody else writes, and this asset is written here";
            return Err(
                Error::new(ErrorKind::StoreOption, message).help("use `partitions` with the asset, or declare it external")
            );
        }
        parquet_options(asset).map(|_| ())
    }

    fn gives_back(&self, schema: &Schema) -> bool {
        let exact = |data_type: &DataType| {
            data_type.is_primitive_numeric()
                || matches!(
                    data_type,
                    DataType::Boolean | DataType::String | DataType::Binary | DataType::Date | DataType::Datetime(..)
                )
        };
        // A file of no columns says nothing of how many rows it has.
        !schema.is_empty() && schema.iter_values().all(exact)
    }

    fn check(&self, schema: &Schema) -> Result<()> {
        match schema.iter().find(|(_, data_type)| matches!(data_type, DataType::Unknown(_))) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("the type of the column `{name}` is not known before the frame is computed");
                Err(Error::new(ErrorKind::Schema, message).help("cast the column, or return a `DataFrame`"))
            }
        }
    }

    fn write(&self, frame: DataFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
        write_as_plan(self, frame, to, written)
    }

    fn sink(&self, plan: LazyFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
        let mut options: ParquetWriteOptions = parquet_options(written.asset)?;
        options.key_value_metadata =
            Some(KeyValueMetadata::from_static(vec![(FOOTER_KEY.to_owned(), footer(written).to_string())]));
        plan.sink(to.destination()?, FileWriteFormat::Parquet(Arc::new(options)), sink_args())?
            .collect_with_engine(Engine::Streaming)?;
        Ok(())
    }

    fn scan(&self, from: &FileSource<'_>) -> Result<LazyFrame> {
        let args = ScanArgsParquet {
            glob: false,
            hive_options: HiveOptions::new_disabled(),
            cloud_options: from.cloud_options(),
            ..Default::default()
        };
        Ok(LazyFrame::scan_parquet(from.path(), args)?)
    }

    fn metadata(&self, from: &FileSource<'_>) -> Result<Option<serde_json::Value>> {
        let metadata = ParquetReader::new(Cursor::new(footer_of(from)?)).get_metadata()?.clone();
        let found = metadata.key_value_metadata.as_ref().and_then(|pairs| pairs.iter().find(|pair| pair.key == FOOTER_KEY));
        Ok(found.and_then(|pair| serde_json::from_str(pair.value.as_deref()?).ok()))
    }

    fn is_folder(&self, asset: &AssetSpec) -> bool {
        asset.is_external() && matches!(asset.store_option(HIVE.name), Some(MetadataValue::Bool(true)))
    }

    fn scan_folder(&self, folder: &FileSource<'_>, files: &[FileSource<'_>]) -> Result<LazyFrame> {
        hive::scan(folder, files)
    }
}

/// The end of a file, with its footer: the last eight bytes say how long that is.
fn footer_of(from: &FileSource<'_>) -> Result<Vec<u8>> {
    const END: u64 = 8;
    let end = from.tail(END)?;
    let length = end.first_chunk::<4>().map_or(0, |length| u64::from(u32::from_le_bytes(*length)));
    from.tail(length + END)
}

/// What the footer says.
fn footer(written: &Written<'_>) -> serde_json::Value {
    let pairs = |pairs: &[(String, MetadataValue)]| {
        pairs.iter().map(|(name, value)| (name.clone(), serde_json::json!(value))).collect::<serde_json::Map<_, _>>()
    };
    serde_json::json!({
        "v": 1,
        "asset": written.asset.key,
        "slice": written.slice,
        "run": written.run.run,
        "code_version": written.asset.code_version,
        "description": written.asset.description,
        "asset_metadata": pairs(&written.asset.metadata),
        "metadata": pairs(written.metadata),
    })
}
