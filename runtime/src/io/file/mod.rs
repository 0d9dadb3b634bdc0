//! Tables as files: each asset, or each partition of it, is one file of some format, replaced whole.

#[cfg(feature = "csv")]
mod csv;
mod folder;
mod format;
#[cfg(feature = "parquet")]
mod hive;
#[cfg(any(feature = "csv", feature = "json"))]
mod inferred;
#[cfg(feature = "ipc")]
mod ipc;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "parquet")]
mod parquet;
mod parts;
mod source;
#[cfg(any(feature = "csv", feature = "json"))]
mod text;
#[allow(dead_code, reason = "declared types are for the formats that have none")]
mod types;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use polars::prelude::{AllowedOptimizations, DataFrame, IntoLazy, LazyFrame, SchemaRef, col};

#[cfg(feature = "csv")]
pub use csv::Csv;
pub use format::{FileFormat, Written};
#[cfg(feature = "ipc")]
pub use ipc::Ipc;
#[cfg(feature = "json")]
pub use json::JsonLines;
#[cfg(feature = "parquet")]
pub use parquet::Parquet;
use parts::Part;
pub use source::{FileSink, FileSource};

use crate::asset::{AssetSpec, ValueKind};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::frame::polars::{PolarsTable, check_columns, columns_of};
use crate::io::files::{FilePlace, FileSpace};
use crate::io::slicing::{Slicer, Strays};
use crate::io::storage::Storage;
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, OwnedRequest, Present, Probe, Staged,
    StoreRequest, set_option, with_options,
};
use crate::metadata::MetadataValue;
use crate::partition::KeySet;
use crate::schema::Column;
use crate::slice::Slice;
use crate::value::Value;

/// Keeps each table in a file of its own: `<base>/<key…>.<extension>`, or `<base>/<key…>/<partition>.<extension>`.
#[derive(Debug, Clone)]
pub struct FileIoManager<F> {
    files: FileSpace,
    format: F,
    options: Vec<(String, MetadataValue)>,
}

/// Keeps each table in a CSV file.
#[cfg(feature = "csv")]
pub type CsvIoManager = FileIoManager<Csv>;

/// Keeps each table in a file of JSON lines.
#[cfg(feature = "json")]
pub type JsonIoManager = FileIoManager<JsonLines>;

/// Keeps each table in an Arrow IPC file.
#[cfg(feature = "ipc")]
pub type IpcIoManager = FileIoManager<Ipc>;

/// Keeps each table in a Parquet file.
#[cfg(feature = "parquet")]
pub type ParquetIoManager = FileIoManager<Parquet>;

impl<F: FileFormat + Default> FileIoManager<F> {
    /// Files under this folder, which is made when something is stored.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self::with_format(base, F::default())
    }

    /// Files in this folder or part of a bucket.
    #[must_use]
    pub fn at(storage: Storage) -> Self {
        Self::at_with_format(storage, F::default())
    }
}

impl<F: FileFormat> FileIoManager<F> {
    /// Files of this format under this folder.
    pub fn with_format(base: impl Into<PathBuf>, format: F) -> Self {
        Self::at_with_format(Storage::local(base), format)
    }

    /// Files of this format in this folder or part of a bucket.
    #[must_use]
    pub fn at_with_format(storage: Storage, format: F) -> Self {
        Self { files: FileSpace::at(storage), format, options: Vec::new() }
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

    /// The options that a file is written with, which its format needs again; nothing if it has none.
    fn remembered(&self, asset: &AssetSpec) -> Option<Vec<(String, MetadataValue)>> {
        let known = self.format.options();
        let set = known.iter().filter_map(|option| Some((option.name.to_owned(), asset.store_option(option.name)?.clone())));
        (!known.is_empty()).then(|| set.collect())
    }

    /// A file of an asset, as its format reads it.
    fn source<'a>(&'a self, asset: &'a AssetSpec, key: String, schema: Option<SchemaRef>) -> Result<FileSource<'a>> {
        let storage = self.files.storage();
        Ok(FileSource { asset, path: storage.scan_path(&key)?, schema, storage, key })
    }

    /// A lazy scan of one file; nothing if it is not there.
    fn scan(&self, asset: &AssetSpec, place: &FilePlace, columns: Option<&[String]>) -> Result<Option<Part>> {
        let key = self.files.key(place, F::EXTENSION)?;
        if !self.files.exists(&key)? {
            return Ok(None);
        }
        let manifest = self.files.manifest(place)?;
        let schema = manifest.as_ref().and_then(|known| match &known.schema {
            Some(schema) => types::recalled(schema),
            None => types::named(&known.columns),
        });
        // What the asset says by now is how the next file is written, and not how this one was.
        let asset = match manifest.as_ref().and_then(|known| known.options.clone()) {
            Some(store_options) => Cow::Owned(AssetSpec { store_options, ..asset.clone() }),
            None => Cow::Borrowed(asset),
        };
        let location = self.files.location_of(&key);
        let at = |error: Error| error.with("asset", &asset.key).with("location", &location);
        let plan = self.format.scan(&self.source(&asset, key, schema)?).map_err(at)?;
        let written = manifest.map(|known| known.columns);
        let Some(columns) = columns else { return Ok(Some(Part { plan, written, location })) };
        if let Some(written) = &written {
            check_columns(columns, written.iter().map(|column| column.name.as_str()))?;
        }
        let read = |written: Vec<Column>| {
            let find = |name: &String| written.iter().find(|column| column.name == *name).cloned();
            columns.iter().filter_map(find).collect::<Vec<_>>()
        };
        let plan = plan.select(columns.iter().map(col).collect::<Vec<_>>());
        Ok(Some(Part { plan, written: written.map(read), location }))
    }

    /// A lazy scan of the folder of an asset that somebody else divided; nothing if the asset is none such, or the folder is not there.
    fn scan_folder(&self, asset: &AssetSpec) -> Result<Option<LazyFrame>> {
        if !self.format.is_folder(asset) {
            return Ok(None);
        }
        let folder = self.files.folder_key(&asset.key)?;
        let Some(keys) = self.files.data_files(&folder, F::EXTENSION)? else { return Ok(None) };
        let files = keys.into_iter().map(|key| self.source(asset, key, None)).collect::<Result<Vec<_>>>()?;
        self.format.scan_folder(&self.source(asset, folder, None)?, &files).map(Some)
    }

    fn load_blocking(
        &self,
        asset: &AssetSpec,
        keys: Option<&KeySet>,
        all: bool,
        columns: Option<&[String]>,
    ) -> Result<Option<LazyFrame>> {
        if let Some(plan) = self.scan_folder(asset)? {
            if let (true, Some(keys)) = (all, keys) {
                folder::check_nothing_else(&plan, asset, keys)?;
            }
            return folder::in_folder(plan, asset, keys, columns).map(Some);
        }
        let Some(keys) = keys else {
            return Ok(self.scan(asset, &FilePlace::of(&asset.key), columns)?.map(|part| part.plan));
        };
        let mut found = Vec::new();
        for key in keys.keys() {
            let part = self.scan(asset, &FilePlace::of(&asset.key).partition(&key), columns)?;
            found.extend(part.map(|part| (key, part)));
        }
        parts::together(&asset.key, found)
    }

    fn present_blocking(&self, asset: &AssetSpec, keys: &KeySet) -> Result<KeySet> {
        if let Some(plan) = self.scan_folder(asset)? {
            return folder::slicer(plan.clone(), asset, keys)?.occurring(plan);
        }
        let mut present = keys.space().none();
        let key = |index| self.files.key(&FilePlace::of(&asset.key).partition(&keys.space().key(index)), F::EXTENSION);
        let files = keys.indices().map(key).collect::<Result<Vec<_>>>()?;
        let there = self.files.present(&self.files.folder_key(&asset.key)?, &files)?;
        for (index, there) in keys.indices().zip(there) {
            if there {
                present.insert(index);
            }
        }
        Ok(present)
    }

    fn describe_blocking(&self, asset: &AssetSpec, keys: Option<&KeySet>) -> Result<Description> {
        if self.format.is_folder(asset) || (asset.partitions.is_some() && keys.is_none_or(|keys| keys.len() != 1)) {
            // Which files there are is for the definition to say.
            let exists = self.files.folder_exists(&self.files.folder_key(&asset.key)?)?;
            return Ok(Description { exists, ..Description::default() });
        }
        let place = FilePlace::of_keys(&asset.key, keys)?;
        let mut description = self.files.describe(&place, F::EXTENSION)?;
        if description.exists {
            let key = self.files.key(&place, F::EXTENSION)?;
            description.footer = self.format.metadata(&self.source(asset, key, None)?)?;
        }
        Ok(description)
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
        let (frame, mut plan) = match table {
            PolarsTable::Eager(frame) => (Some(frame.clone()), frame.lazy()),
            PolarsTable::Lazy(plan) => (None, *plan),
        };
        let schema = plan.collect_schema()?;
        self.format.check(&schema)?;
        let slicer = match (&keys, &asset.partition_expr) {
            (Some(keys), Some(expr)) => Some(Slicer::new(keys, expr, &schema)?),
            _ => None,
        };
        let place = FilePlace::of_keys(&asset.key, keys.as_ref())?;
        let (file, upload) = self.files.create(&place, F::EXTENSION, request.env.as_ref())?;
        let file = file.options(self.remembered(asset));
        let context = Written::new(asset, request.slice, request.run, request.metadata);
        let mut sink = FileSink::new(upload);
        let written = match (frame, slicer) {
            (Some(frame), None) => {
                let rows = frame.height() as u64;
                self.format.write(frame, &mut sink, &context).map(|()| rows)
            }
            (_, None) => self.sink_counted(plan, &mut sink, &context),
            (_, Some(slicer)) => {
                let strays = Strays::default();
                let guarded = slicer.guard(plan.clone(), &strays);
                // The rows again, for the error that names the first that does not belong.
                self.sink_counted(guarded, &mut sink, &context).and_then(|rows| strays.check(&slicer, plan).map(|()| rows))
            }
        };
        let staged = written.and_then(|rows| {
            sink.finish()?;
            Ok(rows)
        });
        match staged {
            Ok(rows) => {
                let exact = eager && self.format.gives_back(&schema);
                let staged = self.files.staged(file, exact, types::remembered(&schema))?;
                Ok(staged.rows(rows).columns(columns_of(&schema)))
            }
            Err(error) => Err(self.files.abandoned(&file, error, &asset.key)),
        }
    }

    /// Writes a plan, and counts its rows while they pass.
    fn sink_counted(&self, plan: LazyFrame, to: &mut FileSink, written: &Written<'_>) -> Result<u64> {
        let rows = Arc::new(AtomicU64::new(0));
        let passed = Arc::clone(&rows);
        let count = move |frame: DataFrame| {
            passed.fetch_add(frame.height() as u64, Ordering::Relaxed);
            Ok(frame)
        };
        self.format.sink(plan.map(count, AllowedOptimizations::STREAMING, None, Some("COUNT")), to, written)?;
        Ok(rows.load(Ordering::Relaxed))
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
            return self.files.location(&self.files.folder_key(&asset.key)?);
        }
        self.files.locate(&asset, slice, F::EXTENSION)
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
        let places = FilePlace::each_of_keys(&request.asset.key, request.keys()?.as_ref());
        let (files, ids) = (self.files.clone(), ids.to_vec());
        blocking(&request.env, move || files.committed_in_all(&places, &ids)).await
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let (store, asset, keys) = (self.clone(), self.configured(request.asset), request.keys()?);
        blocking(&request.env, move || store.describe_blocking(&asset, keys.as_ref())).await
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        let place = FilePlace::of_keys(&request.asset.key, request.keys()?.as_ref())?;
        let (files, env) = (self.files.clone(), Arc::clone(&request.env));
        blocking(&request.env, move || files.delete(&place, F::EXTENSION, env.as_ref())).await
    }

    async fn probe(&self, env: &dyn Env) -> Probe {
        self.files.probe(env)
    }
}
