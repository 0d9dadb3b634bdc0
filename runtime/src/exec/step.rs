//! One step: load, call, stage, check, commit, record.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;

use crate::asset::{AssetSpec, InputSpec};
use crate::call::{Call, ProducedOutput};
use crate::commit::CommitId;
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Durations, EventKind, Materialization};
use crate::exec::plan::{StepAsset, StepSpec};
use crate::graph::Graph;
use crate::io::{IoManager, LoadRequest, RunInfo, Staged, StoreRequest};
use crate::metadata::MetadataValue;
use crate::resource::Resources;
use crate::settings::Settings;
use crate::slice::Slice;
use crate::state::State;
use crate::value::Value;

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepResult {
    /// How long its parts took.
    pub durations: Durations,
    /// What it stored.
    pub materializations: Vec<Materialization>,
}

/// Where a step runs. In this process at first; elsewhere later, which is why a step is data.
pub trait StepLauncher: Send + Sync + 'static {
    /// Runs a step.
    fn launch(&self, step: StepSpec, run: RunInfo) -> BoxFuture<'static, Result<StepResult>>;
}

/// An output that is staged and not yet visible: what a check looks at.
#[derive(Debug)]
#[non_exhaustive]
pub struct PendingOutput<'a> {
    /// The asset.
    pub asset: &'a AssetSpec,
    /// The part of it.
    pub slice: &'a Slice,
    /// What was staged.
    pub staged: &'a Staged,
    /// What the body attached.
    pub metadata: &'a [(String, MetadataValue)],
}

/// Looks at an output between stage and commit; an error keeps it from becoming visible.
pub(crate) type OutputHook = Arc<dyn Fn(&PendingOutput<'_>) -> Result<()> + Send + Sync>;

/// Hears every event, in order.
pub(crate) type Subscriber = Arc<dyn Fn(&crate::event::Event) + Send + Sync>;

/// Everything steps share.
pub(crate) struct Workshop {
    pub(crate) graph: Graph,
    pub(crate) stores: BTreeMap<String, Arc<dyn IoManager>>,
    /// The key of the store of each asset, by place in the graph; none for assets that are not stored.
    pub(crate) store_keys: Vec<Option<String>>,
    pub(crate) resources: Arc<Resources>,
    pub(crate) settings: Settings,
    pub(crate) state: Arc<dyn State>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) hooks: Vec<OutputHook>,
    pub(crate) subscribers: Vec<Subscriber>,
    /// Held while an event is appended and told, so that everybody hears the same order.
    pub(crate) telling: std::sync::Mutex<()>,
}

impl Workshop {
    pub(crate) fn emit(&self, run: &str, kind: EventKind) -> Result<()> {
        let _order = self.telling.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let event = self.state.append(run, self.env.now(), kind)?;
        for subscriber in &self.subscribers {
            // Whoever listens must not be able to fail a run, least of all between a commit and its record.
            if catch_unwind(AssertUnwindSafe(|| subscriber(&event))).is_err() {
                tracing::warn!(cursor = event.cursor, "a subscriber panicked at an event");
            }
        }
        Ok(())
    }

    /// An asset with its store, if it has one.
    pub(crate) fn asset(&self, key: &crate::key::AssetKey) -> Result<(&Arc<AssetSpec>, Option<Store<'_>>)> {
        let place =
            self.graph.place(key).ok_or_else(|| Error::new(ErrorKind::Internal, format!("`{key}` is not in the graph")))?;
        let store = self.store_keys[place].as_deref().and_then(|key| Some(Store { key, io: self.stores.get(key)? }));
        Ok((self.graph.asset(place), store))
    }
}

/// A store and the key it is bound to.
#[derive(Clone, Copy)]
pub(crate) struct Store<'a> {
    pub(crate) key: &'a str,
    pub(crate) io: &'a Arc<dyn IoManager>,
}

impl Store<'_> {
    /// Says of an error which asset, store and location it is about.
    pub(crate) fn blame(&self, error: Error, asset: &AssetSpec, slice: &Slice) -> Error {
        let location = self.io.locate(asset, slice).map(|location| location.to_string()).unwrap_or_default();
        error
            .with("asset", format!("`{}`", asset.key))
            .with("store", format!("`{}`", self.key))
            .with("location", location)
            .with("at", asset.source)
    }
}

/// Runs steps in this process.
#[derive(Clone)]
pub struct InProcess {
    pub(crate) workshop: Arc<Workshop>,
}

impl StepLauncher for InProcess {
    fn launch(&self, step: StepSpec, run: RunInfo) -> BoxFuture<'static, Result<StepResult>> {
        let workshop = Arc::clone(&self.workshop);
        Box::pin(async move { StepRun { workshop: &workshop, step: &step, run: &run }.run().await })
    }
}

struct StepRun<'a> {
    workshop: &'a Arc<Workshop>,
    step: &'a StepSpec,
    run: &'a RunInfo,
}

/// An output on its way: staged, and what to say of it once it is committed.
struct Ready<'a> {
    asset: &'a Arc<AssetSpec>,
    slice: &'a Slice,
    store: Store<'a>,
    staged: Staged,
    number: i64,
    metadata: Vec<(String, MetadataValue)>,
}

impl<'a> StepRun<'a> {
    async fn run(&self) -> Result<StepResult> {
        if self.step.fingerprint != self.workshop.graph.fingerprint() {
            let message = "the step was planned from other definitions than this program has";
            return Err(Error::new(ErrorKind::Fingerprint, message).help("plan it again with this program"));
        }
        let main = self.step.assets.first().ok_or_else(|| Error::new(ErrorKind::Internal, "a step without an asset"))?;
        let (asset, _) = self.workshop.asset(&main.key)?;
        let numbers = self.numbers()?;
        let start = self.workshop.env.elapsed();
        let call = self.load(asset).await?;
        let loaded = self.workshop.env.elapsed();
        let outputs = self.call(asset, call).await?;
        let computed = self.workshop.env.elapsed();
        let ready = self.stage(outputs, &numbers).await?;
        if let Err(error) = self.check(&ready) {
            self.discard(&ready).await;
            return Err(error);
        }
        let mut materializations = Vec::with_capacity(ready.len());
        let mut ready = ready.into_iter();
        while let Some(output) = ready.next() {
            match self.commit(output).await {
                Ok(materialization) => materializations.push(materialization),
                Err(error) => {
                    self.discard(ready.as_slice()).await;
                    return Err(error);
                }
            }
        }
        let stored = self.workshop.env.elapsed();
        let durations =
            Durations { load: between(start, loaded), compute: between(loaded, computed), store: between(computed, stored) };
        Ok(StepResult { durations, materializations })
    }

    /// A number for each commit, taken before anything is loaded: of two runs at once, the one that began later wins, since the
    /// other may have loaded what is by then old.
    fn numbers(&self) -> Result<Vec<i64>> {
        self.step
            .assets
            .iter()
            .map(|asset| self.workshop.state.number(&asset.key, &asset.slice, &self.run.run, self.step.number))
            .collect()
    }

    async fn load(&self, asset: &Arc<AssetSpec>) -> Result<Call> {
        let mut inputs = Vec::with_capacity(asset.inputs.len());
        for input in asset.inputs.iter().filter(|input| !input.order_only) {
            let value = self.load_input(asset, input).await?;
            inputs.push((input.clone(), value.map_or(crate::call::InputValue::Missing, crate::call::InputValue::One)));
        }
        let config = asset.config.as_ref().map(|def| self.workshop.settings.resolve(&asset.key, def)).transpose()?;
        let context = Context::new(Arc::clone(asset), self.run.run.clone(), self.run.attempt, Arc::clone(&self.workshop.env));
        Ok(Call::new(context, inputs, Arc::clone(&self.workshop.resources), config, None))
    }

    async fn load_input(&self, asset: &AssetSpec, input: &InputSpec) -> Result<Option<Value>> {
        let (upstream, store) = self.workshop.asset(&input.upstream)?;
        let nothing = || Error::new(ErrorKind::Internal, format!("`{}` is not stored and cannot be loaded", input.upstream));
        let store = store.ok_or_else(nothing)?;
        let request = LoadRequest::new(upstream, &Slice::Whole, Arc::clone(&self.workshop.env)).columns(input.columns.as_deref());
        let blame = |error| store.blame(error, upstream, &Slice::Whole).with("needed by", format!("`{}`", asset.key));
        match store.io.load(request).await.map_err(blame)? {
            Some(value) => Ok(Some(value)),
            None if input.optional => {
                let missing = EventKind::InputMissing { step: self.step.number, asset: input.upstream.clone() };
                self.workshop.emit(&self.run.run, missing)?;
                Ok(None)
            }
            None => {
                let error = Error::new(ErrorKind::Missing, format!("nothing is stored for `{}`", input.upstream));
                let help = if upstream.is_external() {
                    "it is external: whoever writes it has not, or writes it elsewhere".to_owned()
                } else {
                    format!("materialize it first, or with this asset: `+{}`", asset.key)
                };
                Err(blame(error.help(help)))
            }
        }
    }

    async fn call(&self, asset: &Arc<AssetSpec>, call: Call) -> Result<Vec<ProducedOutput>> {
        let body = asset.body.as_ref().ok_or_else(|| Error::new(ErrorKind::External, format!("`{}` is external", asset.key)))?;
        let context = call.context().clone();
        let produced = body(call).await.map_err(|error| in_body(error, asset))?;
        let mut outputs = produced.outputs;
        if outputs.len() != self.step.assets.len() {
            let message =
                format!("the body of `{}` gave {} outputs for {} assets", asset.key, outputs.len(), self.step.assets.len());
            return Err(Error::new(ErrorKind::Internal, message).with("at", asset.source));
        }
        if let Some(first) = outputs.first_mut() {
            first.metadata.extend(context.take_metadata());
        }
        Ok(outputs)
    }

    async fn stage(&self, outputs: Vec<ProducedOutput>, numbers: &[i64]) -> Result<Vec<Ready<'a>>> {
        let mut ready = Vec::with_capacity(outputs.len());
        for ((produced, target), number) in outputs.into_iter().zip(&self.step.assets).zip(numbers) {
            match self.stage_output(produced, target, *number).await {
                Ok(output) => ready.extend(output),
                Err(error) => {
                    self.discard(&ready).await;
                    return Err(error);
                }
            }
        }
        Ok(ready)
    }

    async fn stage_output(&self, produced: ProducedOutput, target: &'a StepAsset, number: i64) -> Result<Option<Ready<'a>>> {
        let (asset, store) = self.workshop.asset(&target.key)?;
        let (crate::call::ProducedValue::One(value), Some(store)) = (produced.value, store) else {
            if asset.is_stored() {
                if !asset.output.optional {
                    let message = format!("`{}` produced nothing, and its output is not optional", asset.key);
                    return Err(in_body(Error::new(ErrorKind::Value, message), asset));
                }
                let reason = "the run produced nothing; what was stored is still there".to_owned();
                let skipped = EventKind::OutputSkipped { step: self.step.number, asset: asset.key.clone(), reason };
                self.workshop.emit(&self.run.run, skipped)?;
            }
            return Ok(None);
        };
        let request = self.request(asset, &target.slice, &produced.metadata);
        let staged =
            store.io.stage(request, value).await.map_err(|error| store.blame(in_body(error, asset), asset, &target.slice))?;
        Ok(Some(Ready { asset, slice: &target.slice, store, staged, number, metadata: produced.metadata }))
    }

    fn check(&self, ready: &[Ready<'_>]) -> Result<()> {
        for output in ready {
            let Ready { asset, slice, staged, metadata, .. } = output;
            let pending = PendingOutput { asset, slice, staged, metadata };
            for hook in &self.workshop.hooks {
                hook(&pending).map_err(|error| output.store.blame(error, asset, slice))?;
            }
        }
        Ok(())
    }

    async fn commit(&self, output: Ready<'_>) -> Result<Materialization> {
        let Ready { asset, slice, store, staged, number, metadata } = output;
        let id = CommitId::new(&self.workshop.state.log_id()?, &asset.key, slice, number);
        let request = self.request(asset, slice, &metadata);
        let committed = match store.io.commit(request.clone(), vec![staged.clone()], &id).await {
            Ok(committed) => committed,
            Err(error) => {
                // What is left behind is invisible; the error of the commit tells more than one of the clean-up.
                drop(store.io.discard(request, vec![staged]).await);
                return Err(store.blame(error, asset, slice));
            }
        };
        let location = store.io.locate(asset, slice)?.to_string();
        let materialization = Materialization {
            asset: asset.key.clone(),
            slice: slice.clone(),
            store: store.key.to_owned(),
            location,
            version: committed.version,
            rows: staged.rows,
            table_rows: committed.table_rows,
            bytes: staged.bytes,
            columns: staged.columns,
            code_version: asset.code_version.clone(),
            metadata,
            commit: id,
            attempt: self.run.attempt,
        };
        let told = EventKind::Materialized { step: self.step.number, materialization: materialization.clone() };
        self.workshop.emit(&self.run.run, told)?;
        Ok(materialization)
    }

    async fn discard(&self, ready: &[Ready<'_>]) {
        for output in ready {
            let request = self.request(output.asset, output.slice, &output.metadata);
            // The step fails with a better error already, and what is left behind is invisible.
            drop(output.store.io.discard(request, vec![output.staged.clone()]).await);
        }
    }

    fn request<'r>(
        &'r self,
        asset: &'r AssetSpec,
        slice: &'r Slice,
        metadata: &'r [(String, MetadataValue)],
    ) -> StoreRequest<'r> {
        StoreRequest::new(asset, slice, self.run, Arc::clone(&self.workshop.env)).metadata(metadata)
    }
}

/// Says of an error from a body, or from a plan that a body handed out, whose it is.
fn in_body(error: Error, asset: &AssetSpec) -> Error {
    error.with("asset", format!("`{}`", asset.key)).with("at", asset.source)
}

fn between(from: Duration, to: Duration) -> SignedDuration {
    SignedDuration::try_from(to.saturating_sub(from)).unwrap_or_default()
}
