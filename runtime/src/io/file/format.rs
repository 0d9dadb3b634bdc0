//! What a format of files is.

use polars::prelude::{DataFrame, IntoLazy, LazyFrame, Schema};

use super::{FileSink, FileSource};
use crate::asset::AssetSpec;
use crate::error::Result;
use crate::io::{OptionDef, RunInfo};
use crate::metadata::MetadataValue;
use crate::slice::Slice;

/// What a file is written for: the options of its asset, and what formats may say of it in the file.
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

impl<'a> Written<'a> {
    pub(super) fn new(asset: &'a AssetSpec, slice: &'a Slice, run: &'a RunInfo, metadata: &'a [(String, MetadataValue)]) -> Self {
        Self { asset, slice, run, metadata }
    }
}

/// A format of files that hold one table each. A format of one's own is [`write`](FileFormat::write), [`sink`](FileFormat::sink) and
/// [`scan`](FileFormat::scan); where files are, when they become visible and who wrote them is not its affair.
///
/// ```
/// use std::io::Write;
///
/// use lakewright::io::file::{FileFormat, FileIoManager, FileSink, FileSource, Written};
/// use lakewright::prelude::*;
/// use lakewright::{Error, ErrorKind};
///
/// /// A column of numbers, one on each line.
/// #[derive(Debug, Clone, Default)]
/// struct Numbers;
///
/// impl FileFormat for Numbers {
///     const EXTENSION: &'static str = "txt";
///
///     fn write(&self, frame: DataFrame, to: &mut FileSink, _: &Written<'_>) -> Result<()> {
///         for number in frame.column("n")?.i64()?.iter().flatten() {
///             writeln!(to, "{number}")?;
///         }
///         Ok(())
///     }
///
///     fn sink(&self, plan: LazyFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
///         self.write(plan.collect()?, to, written)
///     }
///
///     fn scan(&self, from: &FileSource<'_>) -> Result<LazyFrame> {
///         let wrong = |error: &dyn std::error::Error| Error::new(ErrorKind::Corrupt, error.to_string());
///         let text = String::from_utf8(from.bytes()?).map_err(|error| wrong(&error))?;
///         let numbers: Result<Vec<i64>> = text.lines().map(|line| line.parse::<i64>().map_err(|error| wrong(&error))).collect();
///         Ok(df!("n" => numbers?)?.lazy())
///     }
/// }
///
/// #[asset(io_manager = "numbers")]
/// fn primes() -> Result<DataFrame> {
///     Ok(df!("n" => [2i64, 3, 5])?)
/// }
///
/// # let root = std::env::temp_dir().join(format!("lakewright-doc-{}", std::process::id()));
/// # let base = root.join("numbers");
/// let lakehouse = Lakehouse::builder()
/// #   .root(&root)
///     .registry(Registry::of(assets![primes]))
///     .io_manager("numbers", FileIoManager::<Numbers>::new(&base))
///     .build()?;
/// assert!(lakehouse.materialize_blocking("*")?.is_success());
/// assert_eq!(std::fs::read_to_string(base.join("primes.txt"))?, "2\n3\n5\n");
/// # std::fs::remove_dir_all(&root)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait FileFormat: Clone + Send + Sync + 'static {
    /// The extension of the files, without the dot.
    const EXTENSION: &'static str;

    /// Writes rows to a file. Blocks.
    ///
    /// # Errors
    /// If the file cannot be written, or would not give back a value.
    fn write(&self, frame: DataFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()>;

    /// Writes a plan to a file, if it can without bringing it into memory whole. Blocks.
    ///
    /// # Errors
    /// If the plan fails, the file cannot be written, or would not give back a value.
    fn sink(&self, plan: LazyFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()>;

    /// A lazy scan of a file.
    ///
    /// # Errors
    /// If the file is not one of this format and the format can tell without reading it.
    fn scan(&self, from: &FileSource<'_>) -> Result<LazyFrame>;

    /// What to call the store in an error: `the CSV store`.
    fn store_name(&self) -> &'static str {
        "the file store"
    }

    /// The options that an asset may set. What is written here is read with those that it was written with, whatever the asset
    /// says by then; what somebody else wrote, with those that the asset has.
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
    fn check(&self, schema: &Schema) -> Result<()> {
        let _ = schema;
        Ok(())
    }

    /// Whether reading a file gives back the very same columns, types and values, so that what was just written need not be read.
    fn gives_back(&self, schema: &Schema) -> bool {
        let _ = schema;
        false
    }

    /// What a file says of itself, if the format has a place for that.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn metadata(&self, from: &FileSource<'_>) -> Result<Option<serde_json::Value>> {
        let _ = from;
        Ok(None)
    }

    /// Whether the asset is a folder of files that somebody else divided by the values of columns.
    fn is_folder(&self, asset: &AssetSpec) -> bool {
        let _ = asset;
        false
    }

    /// A lazy scan of the files of such a folder: all those with the extension that are below it, sorted, and the folder itself.
    ///
    /// # Errors
    /// If the files do not go together.
    fn scan_folder(&self, folder: &FileSource<'_>, files: &[FileSource<'_>]) -> Result<LazyFrame> {
        let _ = files;
        Err(crate::error::Error::new(
            crate::error::ErrorKind::Unsupported,
            format!("{} does not read folders such as `{folder}`", self.store_name()),
        ))
    }
}

/// Writes rows as a plan, for formats whose sink does both.
pub(super) fn write_as_plan<F: FileFormat>(format: &F, frame: DataFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
    format.sink(frame.lazy(), to, written)
}
