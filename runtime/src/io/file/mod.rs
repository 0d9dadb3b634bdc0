//! Tables as files: each asset, or each partition of it, is one file of some format, replaced whole.

#[cfg(feature = "csv")]
mod csv;
mod format;
#[cfg(feature = "parquet")]
mod hive;
#[cfg(feature = "parquet")]
mod parquet;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use polars::prelude::{DataType, Engine, LazyFrame, PlRefPath, SinkDestination, UnionArgs, UniqueKeepStrategy, col, concat};

#[cfg(feature = "csv")]
pub use csv::Csv;
pub use format::{FileFormat, Written};
#[cfg(feature = "parquet")]
pub use parquet::Parquet;

use crate::asset::{AssetSpec, ValueKind};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::frame::Frame;
use crate::frame::polars::{check_columns, columns_of};
use crate::io::files::{FilePlace, FileSpace, io_error};
use crate::io::sink::open_file;
use crate::io::slicing::{Slicer, Strays};
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, OwnedRequest, Present, Probe, Staged,
    StoreRequest, set_option, with_options,
};
use crate::metadata::MetadataValue;
use crate::partition::{DimensionDef, KeySet};
use crate::slice::Slice;
use crate::value::Value;

/// Keeps each table in a file of its own: `<base>/<key…>.<extension>`, or `<base>/<key…>/<partition>.<extension>`.
#[derive(Debug, Clone)]
pub struct FileIoManager<F> {
    files: FileSpace,
    format: F,
    options: Vec<(String, MetadataValue)>,
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
        Self { files: FileSpace::new(base), format, options: Vec::new() }
    }

    /// The value of an option for assets that do not set it: the options that `store(…)` takes.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<MetadataValue>) -> Self {
        set_option(&mut self.options, name.into(), value.into());
        self
    }

    /// The asset with the store's own options where it sets none.
    fn configured(&self, asset: &AssetSpec) -> AssetSpec {
        with_options(asset, &self.options)
    }

    /// A lazy scan of one file; nothing if it is not there.
    fn scan(&self, place: &FilePlace, columns: Option<&[String]>) -> Result<Option<LazyFrame>> {
        let path = self.files.path(place, self.format.extension())?;
        if !path.try_exists().map_err(|error| io_error(&error, "look at", &path))? {
            return Ok(None);
        }
        let manifest = self.files.manifest(place)?;
        let written = manifest.as_ref().map(|manifest| &manifest.columns[..]);
        let plan = self.format.scan(&path, written)?;
        let Some(columns) = columns else { return Ok(Some(plan)) };
        if let Some(written) = written {
            check_columns(columns, written.iter().map(|column| column.name.as_str()))?;
        }
        Ok(Some(plan.select(columns.iter().map(col).collect::<Vec<_>>())))
    }

    fn load_blocking(
        &self,
        asset: &AssetSpec,
        keys: Option<&KeySet>,
        all: bool,
        columns: Option<&[String]>,
    ) -> Result<Option<LazyFrame>> {
        if let Some(plan) = self.format.scan_folder(asset, &self.files.folder(&asset.key)?)? {
            if let (true, Some(keys)) = (all, keys) {
                check_nothing_else(&plan, asset, keys)?;
            }
            return in_folder(plan, asset, keys, columns).map(Some);
        }
        let Some(keys) = keys else { return self.scan(&FilePlace::of(&asset.key), columns) };
        let mut plans = Vec::new();
        for key in keys.keys() {
            plans.extend(self.scan(&FilePlace::of(&asset.key).partition(&key), columns)?);
        }
        match plans.len() {
            0 => Ok(None),
            1 => Ok(plans.pop()),
            _ => Ok(Some(concat(plans, UnionArgs::default())?)),
        }
    }

    fn present_blocking(&self, asset: &AssetSpec, keys: &KeySet) -> Result<KeySet> {
        if let Some(plan) = self.format.scan_folder(asset, &self.files.folder(&asset.key)?)? {
            return slicer(plan.clone(), asset, keys)?.occurring(plan);
        }
        let mut present = keys.space().none();
        for index in keys.indices() {
            let place = FilePlace::of(&asset.key).partition(&keys.space().key(index));
            let path = self.files.path(&place, self.format.extension())?;
            if path.try_exists().map_err(|error| io_error(&error, "look at", &path))? {
                present.insert(index);
            }
        }
        Ok(present)
    }

    fn stage_blocking(&self, request: &StoreRequest<'_>, value: Value) -> Result<Staged> {
        let asset = request.asset;
        let Value::Table(table) = value else {
            return Err(Error::new(ErrorKind::StoreCannotHold, format!("{} holds frames only", self.format.store_name())));
        };
        let eager = table.share().is_some();
        let keys = request.keys()?;
        // A stream waits in a file, which is there until its rows are in theirs.
        let (table, _spooled) = table.into_polars_in(&self.files.spool())?;
        let mut plan = table.into_lazy();
        let schema = plan.collect_schema()?;
        self.format.check(&schema)?;
        let strays = Strays::default();
        let slicer = match (&keys, &asset.partition_expr) {
            (Some(keys), Some(expr)) => Some(Slicer::new(keys, expr, &schema)?),
            _ => None,
        };
        // The rows again, for the error that names the first that does not belong.
        let again = slicer.as_ref().map(|_| plan.clone());
        if let Some(slicer) = &slicer {
            plan = slicer.guard(plan, &strays);
        }
        let place = FilePlace::of_keys(&asset.key, keys.as_ref())?;
        let path = self.files.staging_path(&place, self.format.extension(), request.env.as_ref())?;
        let context = Written { asset, slice: request.slice, run: request.run, metadata: request.metadata };
        let written = self.format.sink(plan, &path, &context).and_then(|()| {
            if let (Some(slicer), Some(again)) = (&slicer, again) {
                strays.check(slicer, again)?;
            }
            let exact = eager && self.format.gives_back(&schema);
            let staged = self.files.staged(&path, self.format.extension(), exact)?;
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

    fn locate(&self, asset: &AssetSpec, slice: &Slice) -> Result<Location> {
        for (name, value) in &self.options {
            self.capabilities().check_option(name, value)?;
        }
        let asset = self.configured(asset);
        self.format.check_options(&asset)?;
        if self.format.is_folder(&asset) {
            return Ok(Location::new(self.files.folder(&asset.key)?.to_string_lossy()));
        }
        self.files.locate(&asset, slice, self.format.extension())
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let (store, asset, columns) = (self.clone(), self.configured(request.asset), request.columns.map(<[String]>::to_vec));
        let (keys, all) = (request.keys()?, request.all);
        let plan = blocking(&request.env, move || store.load_blocking(&asset, keys.as_ref(), all, columns.as_deref())).await?;
        Ok(plan.map(|plan| Value::Table(plan.into_table())))
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        let (store, asset) = (self.clone(), self.configured(request.asset));
        match request.keys()? {
            Some(keys) => blocking(&request.env, move || store.present_blocking(&asset, &keys).map(Present::Keys)).await,
            None => Ok(Present::Whole(self.describe(request).await?.exists)),
        }
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let asset = self.configured(request.asset);
        let (store, owned) = (self.clone(), OwnedRequest::of(&StoreRequest { asset: &asset, ..request.clone() }));
        blocking(&request.env, move || store.stage_blocking(&owned.request(), value)).await
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let (files, id, owned) = (self.files.clone(), id.clone(), OwnedRequest::of(&request));
        blocking(&request.env, move || files.commit_all(&owned.request(), &staged, &id)).await
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        let files = self.files.clone();
        blocking(&request.env, move || files.discard(&staged)).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        self.files.committed(&FilePlace::of_keys(&request.asset.key, request.keys()?.as_ref())?, ids)
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let asset = self.configured(request.asset);
        let keys = request.keys()?;
        if self.format.is_folder(&asset) || (asset.partitions.is_some() && keys.as_ref().is_none_or(|keys| keys.len() != 1)) {
            // Which files there are is for the definition to say.
            let folder = self.files.folder(&asset.key)?;
            return Ok(Description { exists: folder.exists(), ..Description::default() });
        }
        let place = FilePlace::of_keys(&asset.key, keys.as_ref())?;
        let mut description = self.files.describe(&place, self.format.extension())?;
        if description.exists {
            description.footer = self.format.metadata(&self.files.path(&place, self.format.extension())?)?;
        }
        Ok(description)
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        self.files.delete(&FilePlace::of_keys(&request.asset.key, request.keys()?.as_ref())?, self.format.extension())
    }

    async fn probe(&self, env: &dyn Env) -> Probe {
        self.files.probe(env)
    }
}

/// The partitions that are asked for, of a folder that somebody else divided by the values of columns.
fn in_folder(plan: LazyFrame, asset: &AssetSpec, keys: Option<&KeySet>, columns: Option<&[String]>) -> Result<LazyFrame> {
    let plan = match keys {
        None => plan,
        Some(keys) => {
            let slicer = slicer(plan.clone(), asset, keys)?;
            let one = |index| plan.clone().filter(slicer.only(index).predicate());
            let plans: Vec<LazyFrame> = keys.indices().map(one).collect();
            match plans.len() {
                0 => plan.clone().limit(0),
                _ => concat(plans, UnionArgs::default())?,
            }
        }
    };
    let Some(columns) = columns else { return Ok(plan) };
    let schema = plan.clone().collect_schema()?;
    check_columns(columns, schema.iter_names().map(polars::prelude::PlSmallStr::as_str))?;
    Ok(plan.select(columns.iter().map(col).collect::<Vec<_>>()))
}

/// Refuses to take the partitions of a definition for all there is, if the folder has values that are no keys of it.
fn check_nothing_else(plan: &LazyFrame, asset: &AssetSpec, keys: &KeySet) -> Result<()> {
    let Some(expr) = &asset.partition_expr else { return Ok(()) };
    let def = keys.space().def();
    for dimension in def.dimensions() {
        let DimensionDef::Static(known) = &dimension.def else { continue };
        let Some(column) = expr.of(&dimension.name) else { continue };
        // Names of folders only: no file is read for it.
        let values = plan.clone().select([col(column).cast(DataType::String)]).unique(None, UniqueKeepStrategy::Any);
        let values = values.collect_with_engine(Engine::Streaming)?.unwrap_single();
        let strange = values.columns()[0].str()?.iter().flatten().find(|value| !known.iter().any(|key| **key == **value));
        if let Some(value) = strange {
            let message = format!("the folder has rows of `{value}`, which is not a key of `{}`", dimension.definition);
            let help = known_names(value, "keys", known.iter().map(|key| &**key));
            return Err(Error::new(ErrorKind::Partitions, message).help(format!("add the key to the definition; {help}")));
        }
    }
    Ok(())
}

fn slicer(mut plan: LazyFrame, asset: &AssetSpec, keys: &KeySet) -> Result<Slicer> {
    let Some(expr) = &asset.partition_expr else {
        let message = format!("nothing says which column tells the partitions of `{}` apart", asset.key);
        return Err(Error::new(ErrorKind::Partitions, message).help("name it in `partition_expr`"));
    };
    Slicer::new(keys, expr, plan.collect_schema()?.as_ref())
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
