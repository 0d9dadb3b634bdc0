//! The front: assets with their stores, resources and configuration, checked, and everything one can do with them.

mod builder;
mod check;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

pub use builder::LakehouseBuilder;

use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{self, InProcess, Interrupt, Plan, RunReport, Workshop};
use crate::frame::{Frame, Preview};
use crate::graph::Graph;
use crate::io::{Description, LoadRequest, Location};
use crate::key::AssetKey;
use crate::select::select;
use crate::slice::Slice;
use crate::value::Value;

/// Assets, where they are stored, and what they need: ready to run.
///
/// ```
/// use lakewright::prelude::*;
///
/// #[asset(io_manager = "memory")]
/// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
///
/// #[asset(io_manager = "memory")]
/// fn total(numbers: Vec<i64>) -> i64 { numbers.iter().sum() }
///
/// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![total])).build()?;
/// let report = lakehouse.materialize_blocking("*")?;
/// assert!(report.is_success());
/// # Ok::<(), lakewright::Error>(())
/// ```
#[derive(Clone)]
pub struct Lakehouse {
    workshop: Arc<Workshop>,
    parallelism: usize,
}

impl Lakehouse {
    /// Begins one. Without further words it takes every asset of the program and local stores under one root.
    pub fn builder() -> LakehouseBuilder {
        LakehouseBuilder::default()
    }

    /// The assets as a graph.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.workshop.graph
    }

    /// The assets that a [selection](crate::select) names, upstream first.
    ///
    /// # Errors
    /// If the text is not a selection or names nothing.
    pub fn select(&self, selection: &str) -> Result<Vec<Arc<AssetSpec>>> {
        Ok(self.places(selection)?.into_iter().map(|place| Arc::clone(self.graph().asset(place))).collect())
    }

    /// What a run of a [selection](crate::select) would do.
    ///
    /// # Errors
    /// As [`Lakehouse::select`], or if only external assets are selected.
    pub fn plan(&self, selection: &str) -> Result<Plan> {
        Plan::new(self.graph(), &self.places(selection)?)
    }

    /// Materializes a [selection](crate::select). Steps that fail are part of the report.
    ///
    /// # Errors
    /// As [`Lakehouse::plan`], or if the log cannot be written.
    pub async fn materialize(&self, selection: &str) -> Result<RunReport> {
        self.run(self.plan(selection)?, Interrupt::new()).await
    }

    /// As [`Lakehouse::materialize`], for a program without a runtime of its own.
    ///
    /// # Errors
    /// As [`Lakehouse::materialize`], or if no runtime can be started.
    ///
    /// # Panics
    /// If it is called from within an async runtime; use [`Lakehouse::materialize`] there.
    pub fn materialize_blocking(&self, selection: &str) -> Result<RunReport> {
        runtime()?.block_on(self.materialize(selection))
    }

    /// Runs a plan until it is done or interrupted.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub async fn run(&self, plan: Plan, interrupt: Interrupt) -> Result<RunReport> {
        let launcher = Arc::new(InProcess { workshop: Arc::clone(&self.workshop) });
        exec::run(Arc::clone(&self.workshop), launcher, plan, self.parallelism, interrupt).await
    }

    /// Where an asset is, or will be; nothing for an asset that is not stored.
    ///
    /// # Errors
    /// If there is no such asset.
    pub fn locate(&self, key: &AssetKey) -> Result<Option<Location>> {
        let (asset, store) = self.workshop.asset(key)?;
        store.map(|store| store.io.locate(asset, &Slice::Whole)).transpose()
    }

    /// The key of an asset's store; nothing for an asset that is not stored.
    #[must_use]
    pub fn store_key(&self, key: &AssetKey) -> Option<&str> {
        self.workshop.store_keys[self.graph().place(key)?].as_deref()
    }

    /// What is stored for an asset, from metadata alone.
    ///
    /// # Errors
    /// If there is no such asset, or what is stored cannot be described.
    pub async fn describe(&self, key: &AssetKey) -> Result<Description> {
        let (asset, store) = self.workshop.asset(key)?;
        let Some(store) = store else { return Ok(Description::default()) };
        let request = LoadRequest::new(asset, &Slice::Whole, Arc::clone(&self.workshop.env));
        store.io.describe(request).await.map_err(|error| store.blame(error, asset, &Slice::Whole))
    }

    /// What is stored for an asset; nothing if nothing is.
    ///
    /// # Errors
    /// If there is no such asset, or what is stored cannot be read.
    pub async fn load(&self, key: &AssetKey) -> Result<Option<Value>> {
        let (asset, store) = self.workshop.asset(key)?;
        let Some(store) = store else { return Ok(None) };
        let request = LoadRequest::new(asset, &Slice::Whole, Arc::clone(&self.workshop.env));
        store.io.load(request).await.map_err(|error| store.blame(error, asset, &Slice::Whole))
    }

    /// What is stored for an asset, as a frame.
    ///
    /// # Errors
    /// As [`Lakehouse::load`], or if nothing is stored or it is no table.
    pub async fn load_frame<F: Frame>(&self, key: &AssetKey) -> Result<F> {
        match self.load(key).await? {
            Some(Value::Table(table)) => crate::env::blocking(&self.workshop.env, move || F::from_table(table)).await,
            Some(other) => Err(Error::new(ErrorKind::Value, format!("`{key}` is {}, not a frame", other.kind()))),
            None => Err(Error::new(ErrorKind::Missing, format!("nothing is stored for `{key}`")).help("materialize it first")),
        }
    }

    /// The first rows of an asset as text; nothing if nothing is stored, or if it is no table.
    ///
    /// # Errors
    /// As [`Lakehouse::load`].
    pub async fn preview(&self, key: &AssetKey, rows: usize) -> Result<Option<Preview>> {
        match self.load(key).await? {
            Some(Value::Table(table)) => crate::env::blocking(&self.workshop.env, move || table.preview(rows).map(Some)).await,
            _ => Ok(None),
        }
    }

    /// Whether every store can be reached and written to.
    ///
    /// # Errors
    /// The first that cannot, with its key.
    pub async fn probe(&self) -> Result<()> {
        for (key, store) in &self.workshop.stores {
            store.probe(self.workshop.env.as_ref()).await.map_err(|error| error.with("store", format!("`{key}`")))?;
        }
        Ok(())
    }

    fn places(&self, selection: &str) -> Result<BTreeSet<usize>> {
        select(selection, self.graph())
    }
}

impl fmt::Debug for Lakehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lakehouse").field("assets", &self.graph().assets().len()).finish_non_exhaustive()
    }
}

/// A runtime for one blocking call.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot start the async runtime").source(error))
}

/// Everything that is wrong with the definitions, said at once.
pub struct BuildError {
    errors: Vec<Error>,
}

impl BuildError {
    pub(crate) fn new(errors: Vec<Error>) -> Self {
        Self { errors }
    }

    /// The errors.
    #[must_use]
    pub fn errors(&self) -> &[Error] {
        &self.errors
    }

    /// The errors, by value.
    #[must_use]
    pub fn into_errors(self) -> Vec<Error> {
        self.errors
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mistakes in the definitions", self.errors.len())?;
        self.errors.iter().try_for_each(|error| write!(f, "\n{error:?}"))
    }
}

impl fmt::Debug for BuildError {
    /// `main` and `unwrap` print this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for BuildError {}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        let mut errors = error.errors;
        if errors.len() == 1 {
            return errors.remove(0);
        }
        let errors = BuildError { errors };
        Error::new(ErrorKind::Definitions, errors.to_string())
    }
}
