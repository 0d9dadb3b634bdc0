//! The front: assets with their stores, resources and configuration, checked, and everything one can do with them.

mod backfill;
mod builder;
mod changed;
mod check;
mod lines;
mod look;
mod maintain;
mod runs;
mod stored;
mod tidy;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

pub use backfill::{
    Backfill, BackfillAsset, BackfillCounts, BackfillGroup, BackfillOptions, BackfillOutcome, BackfillRun, BackfillStatus,
    PlannedRun, RunCut,
};
pub use builder::LakehouseBuilder;
pub use look::{RunDetail, RunFilter, StepDetail, StepState};
pub use runs::RunOptions;
pub use stored::Changed;
pub use tidy::{Comparison, Difference, Found};

use crate::asset::{AssetSpec, ValueKind};
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::exec::{Interrupt, Moment, PartitionChoice, Partitioning, Plan, RunReport, Store, Workshop};
use crate::frame::{Frame, Preview};
use crate::graph::Graph;
use crate::io::{Description, LoadRequest, Location, Present, Probe};
use crate::key::AssetKey;
use crate::partition::{KeySet, KeySpace, PartitionsDef};
use crate::select::select;
use crate::slice::Slice;
use crate::state::PartitionStatus;
use crate::value::Value;

/// The moment, the keys of each asset, and those that are recorded.
type ChosenFrom = (Timestamp, BTreeMap<usize, KeySpace>, BTreeMap<usize, KeySet>);

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

    /// What a run of a [selection](crate::select) would do, if nothing in it is partitioned.
    ///
    /// # Errors
    /// As [`Lakehouse::select`], or if only external assets are selected, or one that is partitioned.
    pub fn plan(&self, selection: &str) -> Result<Plan> {
        self.plan_for(selection, &PartitionChoice::none())
    }

    /// What a run of a [selection](crate::select) would do for some partitions.
    ///
    /// ```
    /// use lakewright::exec::PartitionChoice;
    /// use lakewright::prelude::*;
    ///
    /// #[partitions(daily, start = "2023-01-01")]
    /// struct Day;
    ///
    /// #[asset(io_manager = "memory", partitions = Day)]
    /// fn weekday(day: Partition<Day>) -> String { format!("{:?}", day.value().weekday()) }
    ///
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![weekday])).build()?;
    /// let report = lakehouse.materialize_for_blocking("weekday", &PartitionChoice::none().range("2023-01-02", "2023-01-08"))?;
    /// assert!(report.is_success());
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Lakehouse::select`], or if only external assets are selected, or the partitions are not those of the assets that come
    /// first in the run.
    pub fn plan_for(&self, selection: &str, choice: &PartitionChoice) -> Result<Plan> {
        let selected = self.places(selection)?;
        let (at, spaces, recorded) = self.chosen_from(&selected, choice)?;
        Plan::new(self.graph(), &selected, &Partitioning { at, choice, spaces, recorded })
    }

    /// What has to be known of partitions to choose from them: the moment, the keys there are of each asset then, and those that are
    /// recorded with the status that the choice asks for.
    fn chosen_from(&self, selected: &BTreeSet<usize>, choice: &PartitionChoice) -> Result<ChosenFrom> {
        let at = self.workshop.env.now();
        let moment = Moment::new(at);
        let (mut spaces, mut recorded) = (BTreeMap::new(), BTreeMap::new());
        // Assets of one definition share one space, so that their sets meet without being carried over.
        let mut known: Vec<KeySpace> = Vec::new();
        for place in selected {
            let asset = self.graph().asset(*place);
            let Some(def) = asset.partitions.as_ref().filter(|_| !asset.is_external()) else { continue };
            let space = match known.iter().find(|space| space.def() == def) {
                Some(space) => space.clone(),
                None => self.workshop.space_at(def, &moment)?,
            };
            if let Some(status) = choice.asks_for() {
                recorded.insert(*place, self.workshop.recorded(&asset.key, &space, status)?);
            }
            known.push(space.clone());
            spaces.insert(*place, space);
        }
        Ok((at, spaces, recorded))
    }

    /// Materializes some partitions of a [selection](crate::select). Steps that fail are part of the report.
    ///
    /// # Errors
    /// As [`Lakehouse::plan_for`], or if the log cannot be written.
    pub async fn materialize_for(&self, selection: &str, choice: &PartitionChoice) -> Result<RunReport> {
        self.run(self.plan_for(selection, choice)?, Interrupt::new()).await
    }

    /// As [`Lakehouse::materialize_for`], for a program without a runtime of its own.
    ///
    /// # Errors
    /// As [`Lakehouse::materialize_for`], or if no runtime can be started.
    ///
    /// # Panics
    /// If it is called from within an async runtime; use [`Lakehouse::materialize_for`] there.
    pub fn materialize_for_blocking(&self, selection: &str, choice: &PartitionChoice) -> Result<RunReport> {
        runtime()?.block_on(self.materialize_for(selection, choice))
    }

    /// The partitions that an asset has now; nothing for an asset without partitions.
    ///
    /// # Errors
    /// If there is no such asset, or the state cannot be read.
    pub fn partitions(&self, key: &AssetKey) -> Result<Option<KeySpace>> {
        let (asset, _) = self.workshop.asset(key)?;
        asset.partitions.as_ref().map(|def| self.workshop.space(def)).transpose()
    }

    /// The partitions of an asset for which a run last recorded this status.
    ///
    /// # Errors
    /// If there is no such asset, it has no partitions, or the state cannot be read.
    pub fn recorded_partitions(&self, key: &AssetKey, status: PartitionStatus) -> Result<KeySet> {
        let space = self.partitions(key)?.ok_or_else(|| not_partitioned(key))?;
        self.workshop.recorded(key, &space, status)
    }

    /// Adds keys to a dynamic set of partitions, and returns those that were not there.
    ///
    /// # Errors
    /// If no asset is partitioned by that set, a key cannot be one, or the state cannot be written.
    pub fn add_partitions(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        self.check_set(set)?;
        self.workshop.state.add_keys(set, keys)
    }

    /// Removes keys from a dynamic set of partitions, and returns those that were there. What is stored for them stays, and is
    /// there again if the key is added again.
    ///
    /// # Errors
    /// If no asset is partitioned by that set, or the state cannot be written.
    pub fn remove_partitions(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        self.check_set(set)?;
        self.workshop.state.remove_keys(set, keys)
    }

    fn check_set(&self, set: &str) -> Result<()> {
        let defs = self.graph().assets().filter_map(|asset| asset.partitions.as_ref());
        let mut known: Vec<&str> = defs.flat_map(PartitionsDef::dynamic_sets).collect();
        known.sort_unstable();
        known.dedup();
        if known.contains(&set) {
            return Ok(());
        }
        let message = format!("no asset is partitioned by a dynamic set `{set}`");
        Err(Error::new(ErrorKind::PartitionKey, message).help(known_names(set, "dynamic sets", known)))
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

    /// What is stored for an asset, from metadata alone. Of partitions that are tables or files of their own, all that is said is whether
    /// there is a place for them; [`Lakehouse::stored_partitions`] says which are there.
    ///
    /// # Errors
    /// If there is no such asset, or what is stored cannot be described.
    pub async fn describe(&self, key: &AssetKey) -> Result<Description> {
        let (asset, store) = self.workshop.asset(key)?;
        let Some(store) = store else { return Ok(Description::default()) };
        let request = LoadRequest::new(asset, &Slice::Whole, Arc::clone(&self.workshop.env));
        store.io.describe(request).await.map_err(|error| store.blame(error, asset, &Slice::Whole))
    }

    /// What is stored for an asset, of a partitioned one all partitions that are there; nothing if nothing is.
    ///
    /// # Errors
    /// If there is no such asset, or what is stored cannot be read.
    pub async fn load(&self, key: &AssetKey) -> Result<Option<Value>> {
        let (asset, store) = self.workshop.asset(key)?;
        let Some(store) = store else { return Ok(None) };
        let slice = match self.partitions(key)? {
            None => Slice::Whole,
            Some(space) => match self.present(asset, store, &space.all()).await? {
                present if present.is_empty() => return Ok(None),
                present if present.len() > 1 && asset.output.kind != ValueKind::Table => {
                    let message = format!("`{key}` is {} partitions, each a value of its own", present.len());
                    return Err(Error::new(ErrorKind::Value, message).help("load one of them with `load_partition`"));
                }
                present => present.slice(),
            },
        };
        let mut request = LoadRequest::new(asset, &slice, Arc::clone(&self.workshop.env));
        request.all = true;
        store.io.load(request).await.map_err(|error| store.blame(error, asset, &slice))
    }

    /// What is stored for one partition of an asset; nothing if nothing is.
    ///
    /// # Errors
    /// If there is no such asset or partition, or what is stored cannot be read.
    pub async fn load_partition(&self, key: &AssetKey, partition: &str) -> Result<Option<Value>> {
        let (asset, store) = self.workshop.asset(key)?;
        let Some(store) = store else { return Ok(None) };
        let space = self.partitions(key)?.ok_or_else(|| not_partitioned(key))?;
        let mut wanted = space.none();
        wanted.insert(space.parse(partition)?);
        if self.present(asset, store, &wanted).await?.is_empty() {
            return Ok(None);
        }
        let slice = wanted.slice();
        let request = LoadRequest::new(asset, &slice, Arc::clone(&self.workshop.env));
        store.io.load(request).await.map_err(|error| store.blame(error, asset, &slice))
    }

    /// Which partitions of an asset are stored, whoever stored them.
    ///
    /// # Errors
    /// If there is no such asset, it has no partitions, or the store cannot be read.
    pub async fn stored_partitions(&self, key: &AssetKey) -> Result<KeySet> {
        let (asset, store) = self.workshop.asset(key)?;
        let space = self.partitions(key)?.ok_or_else(|| not_partitioned(key))?;
        match store {
            Some(store) => self.present(asset, store, &space.all()).await,
            None => Ok(space.none()),
        }
    }

    async fn present(&self, asset: &AssetSpec, store: Store<'_>, wanted: &KeySet) -> Result<KeySet> {
        let slice = wanted.slice();
        let request = LoadRequest::new(asset, &slice, Arc::clone(&self.workshop.env));
        match store.io.present(request).await.map_err(|error| store.blame(error, asset, &slice))? {
            Present::Keys(present) => Ok(present),
            Present::Whole(_) => {
                Err(Error::new(ErrorKind::Internal, "the store was asked for partitions and answered for the whole"))
            }
        }
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
        // The values of several partitions are not one, and are no table anyway.
        if self.workshop.asset(key)?.0.output.kind != ValueKind::Table {
            return Ok(None);
        }
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
        self.probes().await.into_iter().try_for_each(|(_, probe)| probe.into_result())
    }

    /// What every store can do, by its key.
    pub async fn probes(&self) -> Vec<(String, Probe)> {
        let mut probes = Vec::new();
        for (key, store) in &self.workshop.stores {
            let probe = store.probe(self.workshop.env.as_ref()).await;
            probes.push((key.clone(), probe.with("store", &format!("`{key}`"))));
        }
        probes
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

fn not_partitioned(key: &AssetKey) -> Error {
    Error::new(ErrorKind::PartitionKey, format!("`{key}` has no partitions"))
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
    /// These errors, of which there is at least one.
    #[must_use]
    pub fn new(errors: Vec<Error>) -> Self {
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
        let plural = if self.errors.len() == 1 { "" } else { "s" };
        write!(f, "{} mistake{plural} in the definitions", self.errors.len())?;
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
