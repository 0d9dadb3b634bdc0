//! Tables as files: each asset is one file of some format, replaced whole.

#[cfg(feature = "csv")]
mod csv;
#[cfg(feature = "parquet")]
mod parquet;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use polars::prelude::{LazyFrame, PlRefPath, Schema, SinkDestination, col};

#[cfg(feature = "csv")]
pub use csv::Csv;
#[cfg(feature = "parquet")]
pub use parquet::Parquet;

use crate::asset::{AssetSpec, ValueKind};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::frame::polars::{check_columns, columns_of};
use crate::io::files::{FileSpace, io_error};
use crate::io::sink::open_file;
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, OptionDef, Staged, StoreRequest,
};
use crate::schema::Column;
use crate::slice::Slice;
use crate::value::Value;

/// A format of files that hold one table each. A format of one's own is these methods.
pub trait FileFormat: Clone + Send + Sync + 'static {
    /// What to call the store in an error: `the CSV store`.
    fn store_name(&self) -> &'static str;

    /// The extension of the files, without the dot.
    fn extension(&self) -> &'static str;

    /// The options that an asset may set.
    fn options(&self) -> &'static [OptionDef] {
        &[]
    }

    /// Whether the format gives back what is written.
    ///
    /// # Errors
    /// For a column of a type that it would change or lose.
    fn check(&self, schema: &Schema) -> Result<()>;

    /// Writes a plan to a file, without bringing it into memory whole. Blocks.
    ///
    /// # Errors
    /// If the plan fails or the file cannot be written.
    fn sink(&self, plan: LazyFrame, path: &Path, asset: &AssetSpec) -> Result<()>;

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
}

/// Keeps each table in a file of its own: `<base>/<key…>.<extension>`.
#[derive(Debug, Clone)]
pub struct FileIoManager<F> {
    files: FileSpace,
    format: F,
}

/// Keeps each table in a CSV file with a header.
#[cfg(feature = "csv")]
pub type CsvIoManager = FileIoManager<Csv>;

/// Keeps each table in a Parquet file.
#[cfg(feature = "parquet")]
pub type ParquetIoManager = FileIoManager<Parquet>;

impl<F: FileFormat + Default> FileIoManager<F> {
    /// Files under this folder, which is made when something is stored.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self::with_format(base, F::default())
    }
}

impl<F: FileFormat> FileIoManager<F> {
    /// Files of this format under this folder.
    pub fn with_format(base: impl Into<PathBuf>, format: F) -> Self {
        Self { files: FileSpace::new(base), format }
    }

    fn load_blocking(&self, asset: &AssetSpec, columns: Option<&[String]>) -> Result<Option<Value>> {
        let path = self.files.path(&asset.key, self.format.extension())?;
        if !path.try_exists().map_err(|error| io_error(&error, "look at", &path))? {
            return Ok(None);
        }
        let manifest = self.files.manifest(&asset.key)?;
        let written = manifest.as_ref().map(|manifest| &manifest.columns[..]);
        let plan = self.format.scan(&path, written)?;
        let Some(columns) = columns else { return Ok(Some(Value::Table(plan.into_table()))) };
        if let Some(written) = written {
            check_columns(columns, written.iter().map(|column| column.name.as_str()))?;
        }
        let plan = plan.select(columns.iter().map(col).collect::<Vec<_>>());
        Ok(Some(Value::Table(plan.into_table())))
    }

    fn stage_blocking(&self, asset: &AssetSpec, env: &dyn Env, value: Value) -> Result<Staged> {
        let Value::Table(table) = value else {
            return Err(Error::new(ErrorKind::StoreCannotHold, format!("{} holds frames only", self.format.store_name())));
        };
        let mut plan = table.into_polars()?.into_lazy();
        let schema = plan.collect_schema()?;
        self.format.check(&schema)?;
        let path = self.files.staging_path(&asset.key, self.format.extension(), env)?;
        let written = self.format.sink(plan, &path, asset).and_then(|()| {
            let staged = self.files.staged(&path, self.format.extension())?;
            Ok(staged.rows(self.format.rows(&path)?).columns(columns_of(&schema)))
        });
        if written.is_err() {
            // Nobody will ever ask for a file that was not finished; if it cannot be removed, the first error still tells more.
            drop(std::fs::remove_file(&path));
        }
        written
    }
}

#[async_trait]
impl<F: FileFormat> IoManager for FileIoManager<F> {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(self.format.store_name(), &[ValueKind::Table]).options(self.format.options())
    }

    fn locate(&self, asset: &AssetSpec, _slice: &Slice) -> Result<Location> {
        self.files.location(&asset.key, self.format.extension())
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let (store, asset, columns) = (self.clone(), request.asset.clone(), request.columns.map(<[String]>::to_vec));
        blocking(&request.env, move || store.load_blocking(&asset, columns.as_deref())).await
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let (store, asset, env) = (self.clone(), request.asset.clone(), Arc::clone(&request.env));
        blocking(&request.env, move || store.stage_blocking(&asset, env.as_ref(), value)).await
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let (files, key, run, id) = (self.files.clone(), request.asset.key.clone(), request.run.clone(), id.clone());
        blocking(&request.env, move || files.commit(&key, &staged, &run, &id)).await
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        let files = self.files.clone();
        blocking(&request.env, move || files.discard(&staged)).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        self.files.committed(&request.asset.key, ids)
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        self.files.describe(&request.asset.key, self.format.extension())
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        self.files.delete(&request.asset.key, self.format.extension())
    }

    async fn probe(&self, env: &dyn Env) -> Result<()> {
        self.files.probe(env)
    }
}

/// A path as Polars wants it.
fn polars_path(path: &Path) -> Result<PlRefPath> {
    Ok(PlRefPath::try_from_path(path)?)
}

/// A sink into a new file.
fn new_file(path: &Path) -> Result<SinkDestination> {
    let file = std::fs::File::create_new(path).map_err(|error| io_error(&error, "create", path))?;
    Ok(open_file(file))
}
