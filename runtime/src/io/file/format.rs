//! What a format of files is.

use std::path::Path;

use polars::prelude::{LazyFrame, Schema};

use crate::asset::AssetSpec;
use crate::error::Result;
use crate::io::{OptionDef, RunInfo};
use crate::metadata::MetadataValue;
use crate::schema::Column;
use crate::slice::Slice;

/// What a file is written for, for formats that say so in the file.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Written<'a> {
    /// The asset.
    pub asset: &'a AssetSpec,
    /// The part of it.
    pub slice: &'a Slice,
    /// The run.
    pub run: &'a RunInfo,
    /// What the body attached.
    pub metadata: &'a [(String, MetadataValue)],
}

/// A format of files that hold one table each. A format of one's own is the methods without a default.
pub trait FileFormat: Clone + Send + Sync + 'static {
    /// What to call the store in an error: `the CSV store`.
    fn store_name(&self) -> &'static str;

    /// The extension of the files, without the dot.
    fn extension(&self) -> &'static str;

    /// The options that an asset may set.
    fn options(&self) -> &'static [OptionDef] {
        &[]
    }

    /// Whether the options of an asset fit together.
    ///
    /// # Errors
    /// If not.
    fn check_options(&self, asset: &AssetSpec) -> Result<()> {
        let _ = asset;
        Ok(())
    }

    /// Whether the format gives back what is written.
    ///
    /// # Errors
    /// For a column of a type that it would change or lose.
    fn check(&self, schema: &Schema) -> Result<()>;

    /// Whether reading a file gives back the very same columns, types and values, so that what was just written need not be read.
    fn gives_back(&self, schema: &Schema) -> bool {
        let _ = schema;
        false
    }

    /// Writes a plan to a file, without bringing it into memory whole. Blocks.
    ///
    /// # Errors
    /// If the plan fails or the file cannot be written.
    fn sink(&self, plan: LazyFrame, path: &Path, written: &Written<'_>) -> Result<()>;

    /// A lazy scan of a file. `columns` is what was written, if that is known.
    ///
    /// # Errors
    /// If the file is not one of this format and the format can tell without reading it.
    fn scan(&self, path: &Path, columns: Option<&[Column]>) -> Result<LazyFrame>;

    /// The number of rows of a file that was just written. Blocks.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn rows(&self, path: &Path) -> Result<u64>;

    /// What a file says of itself, if the format has a place for that.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn metadata(&self, path: &Path) -> Result<Option<serde_json::Value>> {
        let _ = path;
        Ok(None)
    }

    /// Whether the asset is a folder of files that somebody else divided by the values of columns.
    fn is_folder(&self, asset: &AssetSpec) -> bool {
        let _ = asset;
        false
    }

    /// A lazy scan of such a folder; nothing if the asset is none.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    fn scan_folder(&self, asset: &AssetSpec, folder: &Path) -> Result<Option<LazyFrame>> {
        let _ = (asset, folder);
        Ok(None)
    }
}
