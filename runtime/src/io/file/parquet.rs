//! Parquet, with statistics and zstd.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use polars::prelude::{
    DataType, Engine, FileWriteFormat, HiveOptions, LazyFrame, ParquetReader, ParquetWriteOptions, ScanArgsParquet, Schema,
    SerReader,
};

use super::{FileFormat, new_file, polars_path};
use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::io::OptionDef;
use crate::io::files::io_error;
use crate::io::parquet_options::{COMPRESSION, ROW_GROUP_SIZE, parquet_options};
use crate::io::sink::sink_args;
use crate::schema::Column;

/// Parquet, with statistics and zstd.
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
        &[COMPRESSION, ROW_GROUP_SIZE]
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

    fn sink(&self, plan: LazyFrame, path: &Path, asset: &AssetSpec) -> Result<()> {
        let options: ParquetWriteOptions = parquet_options(asset)?;
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
}
