//! Parquet, with statistics and zstd.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use polars::io::parquet::write::KeyValueMetadata;
use polars::prelude::{
    DataType, Engine, FileWriteFormat, HiveOptions, LazyFrame, ParquetReader, ParquetWriteOptions, ScanArgsParquet, Schema,
    SerReader,
};

use super::{FileFormat, Written, hive, new_file, polars_path};
use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::io_error;
use crate::io::parquet_options::{PARQUET_OPTIONS, parquet_options};
use crate::io::sink::sink_args;
use crate::io::{OptionDef, OptionKind};
use crate::metadata::MetadataValue;
use crate::schema::Column;

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
    fn store_name(&self) -> &'static str {
        "the Parquet store"
    }

    fn extension(&self) -> &'static str {
        "parquet"
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

    fn sink(&self, plan: LazyFrame, path: &Path, written: &Written<'_>) -> Result<()> {
        let mut options: ParquetWriteOptions = parquet_options(written.asset)?;
        options.key_value_metadata =
            Some(KeyValueMetadata::from_static(vec![(FOOTER_KEY.to_owned(), footer(written).to_string())]));
        plan.sink(new_file(path)?, FileWriteFormat::Parquet(Arc::new(options)), sink_args())?
            .collect_with_engine(Engine::Streaming)?;
        Ok(())
    }

    fn scan(&self, path: &Path, _columns: Option<&[Column]>) -> Result<LazyFrame> {
        let args = ScanArgsParquet { glob: false, hive_options: HiveOptions::new_disabled(), ..Default::default() };
        Ok(LazyFrame::scan_parquet(polars_path(path)?, args)?)
    }

    fn rows(&self, path: &Path) -> Result<u64> {
        let file = File::open(path).map_err(|error| io_error(&error, "open", path))?;
        Ok(ParquetReader::new(file).num_rows()? as u64)
    }

    fn metadata(&self, path: &Path) -> Result<Option<serde_json::Value>> {
        let file = File::open(path).map_err(|error| io_error(&error, "open", path))?;
        let metadata = ParquetReader::new(file).get_metadata()?.clone();
        let found = metadata.key_value_metadata.as_ref().and_then(|pairs| pairs.iter().find(|pair| pair.key == FOOTER_KEY));
        Ok(found.and_then(|pair| serde_json::from_str(pair.value.as_deref()?).ok()))
    }

    fn is_folder(&self, asset: &AssetSpec) -> bool {
        asset.is_external() && matches!(asset.store_option(HIVE.name), Some(MetadataValue::Bool(true)))
    }

    fn scan_folder(&self, asset: &AssetSpec, folder: &Path) -> Result<Option<LazyFrame>> {
        if self.is_folder(asset) && folder.is_dir() { hive::scan(folder).map(Some) } else { Ok(None) }
    }
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
