//! One step: load, call, stage, check, commit, record. The body is called once for each partition, or once for all of them, and
//! everything is committed at once.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;

use super::handover::HandOver;
use super::journal::Journal;
use super::landed::Before;
use super::output::Pending;
use super::workshop::{Moment, Store, Workshop};
use crate::asset::{AssetSpec, Calls, Mode};
use crate::call::{Call, ProducedOutput};
use crate::cancel::{Cancel, Why};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Durations, EventKind, Materialization, SkipReason};
use crate::exec::plan::{StepAsset, StepSpec};
use crate::io::{LoadRequest, Present, RunInfo};
use crate::partition::KeySet;
use crate::slice::Slice;

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepResult {
    /// How long its parts took.
    pub durations: Durations,
    /// What it stored.
    pub materializations: Vec<Arc<Materialization>>,
    /// Why it was left out, if it was: nothing that it is made from has changed, or a later run has stored it.
    pub left_out: Option<SkipReason>,
}

impl StepResult {
    /// What a step did that has come to its end.
    pub(super) fn done(durations: Durations, materializations: Vec<Arc<Materialization>>) -> Self {
        Self { durations, materializations, left_out: None }
    }

    /// What a step did that needs not be carried out.
    pub(super) fn left_out(reason: SkipReason) -> Self {
        Self { left_out: Some(reason), ..Self::done(Durations::default(), Vec::new()) }
    }
}

/// One attempt at a step.
#[non_exhaustive]
pub struct Launch {
    /// The step.
    pub step: StepSpec,
    /// The run, and which attempt it is.
    pub run: RunInfo,
    /// Whether an earlier attempt may have committed without anybody having heard of it: then the store is asked first.
    pub reconcile: bool,
    /// Ends the attempt early.
    pub(crate) cancel: Cancel,
}

/// Where a step runs. In this process at first; elsewhere later, which is why a step is data.
pub trait StepLauncher: Send + Sync + 'static {
    /// Runs a step.
    fn launch(&self, launch: Launch) -> BoxFuture<'static, Result<StepResult>>;
}

/// Runs the steps of one run in this process.
#[derive(Clone)]
pub struct InProcess {
    pub(crate) workshop: Arc<Workshop>,
    pub(crate) hand_over: Arc<HandOver>,
    pub(crate) moment: Arc<Moment>,
    pub(crate) journal: Arc<Journal>,
    /// Whether a step is left out if nothing has changed.
    pub(crate) changed: bool,
}

impl StepLauncher for InProcess {
    fn launch(&self, launch: Launch) -> BoxFuture<'static, Result<StepResult>> {
        let here = self.clone();
        Box::pin(async move {
            // Used where they are: what is moved within a future is in it twice.
            let (Self { workshop, hand_over, moment, journal, changed }, Launch { step, run, reconcile, cancel }) =
                (&here, &launch);
            let (changed, again) = (*changed, *reconcile);
            let result = StepRun { workshop, hand_over, moment, journal, step, run, cancel, changed, again };
            let result = Box::pin(result.run()).await;
            // A step that fails may be tried again, and reads again.
            if let Some(main) = step.assets.first().filter(|_| result.is_ok()) {
                hand_over.done(&workshop.graph, &main.key);
            }
            result
        })
    }
}

pub(super) struct StepRun<'a> {
    pub(super) workshop: &'a Arc<Workshop>,
    pub(super) hand_over: &'a HandOver,
    pub(super) moment: &'a Moment,
    pub(super) journal: &'a Journal,
    pub(super) step: &'a StepSpec,
    pub(super) run: &'a RunInfo,
    pub(super) cancel: &'a Cancel,
    pub(super) changed: bool,
    /// Whether an earlier attempt may have stored something.
    pub(super) again: bool,
}

/// One call of the body: the partitions it makes, or nothing for an asset without partitions.
type Unit = Option<KeySet>;

impl<'a> StepRun<'a> {
    pub(super) fn emit(&self, kind: EventKind) -> Result<()> {
        self.journal.emit(self.workshop, kind)
    }

    /// A future is as large as all that it waits for, and allocators are quick only with what is smaller than a kilobyte: so the large parts
    /// of it are apart, as is what few steps need.
    pub(super) async fn run(&self) -> Result<StepResult> {
        if self.step.fingerprint != self.workshop.graph.fingerprint() {
            let message = "the step was planned from other definitions than this program has";
            return Err(Error::new(ErrorKind::Fingerprint, message).help("plan it again with this program"));
        }
        let main = self.step.assets.first().ok_or_else(|| Error::new(ErrorKind::Internal, "a step without an asset"))?;
        let (asset, store) = self.workshop.asset(&main.key)?;
        let keys = self.known_keys(asset, &main.slice)?;
        let numbers = self.numbers()?;
        let mut before = Before::default();
        if self.again {
            // Until the store answers it is not known what became of the attempt before.
            before = Box::pin(self.landed_before(&numbers)).await.map_err(Error::unsettled)?;
            self.tell(&before)?;
        }
        if before.is_superseded() {
            return Ok(StepResult::left_out(SkipReason::Superseded));
        }
        if before.is_all() {
            return Ok(StepResult::done(Durations::default(), before.found));
        }
        if self.changed && Box::pin(self.workshop.verdict(asset, keys.as_ref(), self.moment)).await?.is_unchanged() {
            return Ok(StepResult::left_out(SkipReason::Unchanged));
        }
        let sources = Arc::new(self.workshop.sources(asset, keys.as_ref(), self.moment).await?);
        // What is stored already is of this very commit: it is nobody else's, and is not made again.
        let Some(units) = self.units(asset, store, before.left(keys)).await? else {
            return Ok(StepResult::done(Durations::default(), before.found));
        };

        let mut pending: Vec<Pending<'a>> = Vec::with_capacity(self.step.assets.len());
        for (place, (target, number)) in self.step.assets.iter().zip(numbers).enumerate() {
            pending.push(self.pending(target, number, before.has(place), &sources)?);
        }
        let mut durations = Durations::default();
        let outcome = match Box::pin(self.produce(asset, units, &mut pending, &mut durations)).await {
            Ok(()) => self.goes_on(asset).and_then(|()| self.check(&pending)),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            self.discard(&pending).await;
            return Err(error);
        }
        let computed = self.workshop.env.elapsed();
        let mut materializations = before.found;
        let mut pending = pending.into_iter();
        while let Some(output) = pending.next() {
            match Box::pin(self.commit(output)).await {
                Ok(materialization) => materializations.extend(materialization),
                Err(error) => {
                    self.discard(pending.as_slice()).await;
                    return Err(error);
                }
            }
        }
        durations.store += between(computed, self.workshop.env.elapsed());
        Ok(StepResult::done(durations, materializations))
    }

    /// The partitions of a slice, all of which have to exist: a plan may be old, and a definition may have shrunk since.
    fn known_keys(&self, asset: &AssetSpec, slice: &Slice) -> Result<Option<KeySet>> {
        let (Some(def), true) = (&asset.partitions, *slice != Slice::Whole) else { return Ok(None) };
        let blame = |error: Error| error.with("asset", format!("`{}`", asset.key)).with("at", asset.source);
        let keys = def.resolve(slice).map_err(blame)?;
        let space = self.workshop.space_at(def, self.moment)?;
        if space.known(slice).len() < keys.len() {
            for key in keys.keys() {
                space.index(&key).map_err(blame)?;
            }
        }
        Ok(Some(keys))
    }

    /// The number of each commit, which the log issued when the run began: of two runs at once, the one that began later wins, since the
    /// other may have loaded what is by then old.
    fn numbers(&self) -> Result<Vec<i64>> {
        let number = |asset: &StepAsset| match asset.number {
            Some(number) => Ok(number),
            None => self.workshop.state.number(&asset.key, &asset.slice, &self.run.run, self.step.number),
        };
        self.step.assets.iter().map(number).collect()
    }

    /// Whether the step has not been told to end.
    fn goes_on(&self, asset: &AssetSpec) -> Result<()> {
        match self.cancel.why() {
            None => Ok(()),
            Some(why) => Err(in_body(self.ended(asset, why), asset)),
        }
    }

    /// The error of a step that was told to end.
    fn ended(&self, asset: &AssetSpec, why: Why) -> Error {
        match why {
            Why::Canceled => Error::new(ErrorKind::Canceled, format!("`{}` was cancelled with its run", asset.key))
                .help(format!("`runs resume {}` goes on with it", self.run.run)),
            Why::Timeout => {
                let limit = self.workshop.policy.timeout(asset).unwrap_or_default();
                let limit = SignedDuration::try_from(limit).unwrap_or_default();
                Error::new(ErrorKind::Timeout, format!("`{}` took longer than {limit:#}", asset.key))
                    .help("raise its `timeout`, or give it `retries` if it is slow only at times")
                    .retryable()
            }
        }
    }

    /// The calls to make; nothing if the mode leaves alone what is there, and everything is.
    async fn units(&self, asset: &Arc<AssetSpec>, store: Option<Store<'_>>, keys: Option<KeySet>) -> Result<Option<Vec<Unit>>> {
        let mode = store.map_or(Mode::Overwrite, |store| store.mode(asset));
        let keys = match (store, mode) {
            (Some(store), Mode::Error | Mode::Ignore) => match self.absent(asset, store, mode, keys).await? {
                Some(keys) => keys,
                None => return Ok(None),
            },
            _ => keys,
        };
        Ok(Some(match keys {
            None => vec![None],
            Some(keys) if asset.calls == Calls::Once => vec![Some(keys)],
            Some(keys) => keys.indices().map(|index| Some(keys.only(index))).collect(),
        }))
    }

    /// What of it is not there, for modes that do not replace; looked at before the body runs, and again when its output is committed.
    async fn absent(
        &self,
        asset: &AssetSpec,
        store: Store<'_>,
        mode: Mode,
        keys: Option<KeySet>,
    ) -> Result<Option<Option<KeySet>>> {
        let slice = keys.as_ref().map_or(Slice::Whole, KeySet::slice);
        let request = LoadRequest::new(asset, &slice, Arc::clone(&self.workshop.env));
        let found = store.io.present(request).await.map_err(|error| store.blame(error, asset, &slice))?;
        let (present, rest) = match (found, &keys) {
            (Present::Whole(false), _) => return Ok(Some(keys)),
            (Present::Keys(present), _) if present.is_empty() => return Ok(Some(keys)),
            (Present::Keys(present), Some(keys)) => {
                let rest = keys.difference(&present);
                (present.slice(), (!rest.is_empty()).then_some(Some(rest)))
            }
            _ => (Slice::Whole, None),
        };
        if mode == Mode::Error {
            return Err(store.blame(already_there(asset, &present), asset, &slice));
        }
        let reason = "something is stored already, and `mode = \"ignore\"` leaves it as it is".to_owned();
        let skipped = EventKind::OutputSkipped { step: self.step.number, asset: asset.key.clone(), slice: present, reason };
        self.emit(skipped)?;
        Ok(rest)
    }

    /// Calls the body for each unit and stages what it gives.
    async fn produce(
        &self,
        asset: &Arc<AssetSpec>,
        units: Vec<Unit>,
        pending: &mut [Pending<'a>],
        durations: &mut Durations,
    ) -> Result<()> {
        for unit in units {
            self.goes_on(asset)?;
            let start = self.workshop.env.elapsed();
            let call = self.load(asset, unit.as_ref()).await.map_err(|error| in_unit(error, unit.as_ref()))?;
            self.goes_on(asset)?;
            let loaded = self.workshop.env.elapsed();
            let outputs = self.call(asset, call).await.map_err(|error| in_unit(error, unit.as_ref()))?;
            let computed = self.workshop.env.elapsed();
            for (produced, pending) in outputs.into_iter().zip(pending.iter_mut()) {
                self.stage(produced, unit.as_ref(), pending).await.map_err(|error| in_unit(error, unit.as_ref()))?;
            }
            durations.load += between(start, loaded);
            durations.compute += between(loaded, computed);
            durations.store += between(computed, self.workshop.env.elapsed());
        }
        Ok(())
    }

    async fn load(&self, asset: &Arc<AssetSpec>, making: Option<&KeySet>) -> Result<Call> {
        let mut inputs = Vec::with_capacity(asset.inputs.len());
        for input in asset.inputs.iter().filter(|input| !input.order_only) {
            inputs.push((input.clone(), self.load_input(asset, input, making).await?));
        }
        let config = asset.config.as_ref().map(|def| self.workshop.settings.resolve(&asset.key, def)).transpose()?;
        let (run, env, cancel) = (self.run.run.clone(), Arc::clone(&self.workshop.env), self.cancel.clone());
        let context = Context::new(Arc::clone(asset), run, self.run.attempt, env, cancel);
        Ok(Call::new(context, inputs, Arc::clone(&self.workshop.resources), config, making.cloned()))
    }

    async fn call(&self, asset: &Arc<AssetSpec>, call: Call) -> Result<Vec<ProducedOutput>> {
        let body = asset.body.as_ref().ok_or_else(|| Error::new(ErrorKind::External, format!("`{}` is external", asset.key)))?;
        let context = call.context().clone();
        let mut called = body(call);
        let produced = tokio::select! {
            biased;
            produced = &mut called => produced,
            why = self.cancel.raised() => {
                // A thread cannot be stopped, and what it does is not to go on behind the back of the next attempt. The rest of the body
                // is dropped where it waits.
                poll_fn(|cx| {
                    // Looked at twice: of what has ended in between nobody would be woken.
                    let stands = context.is_blocking() && called.as_mut().poll(cx).is_pending() && context.is_blocking();
                    if stands { Poll::Pending } else { Poll::Ready(()) }
                })
                .await;
                Err(self.ended(asset, why))
            }
        };
        let produced = produced.map_err(|error| in_body(error, asset))?;
        let mut outputs = produced.outputs;
        if outputs.len() != self.step.assets.len() {
            let message =
                format!("the body of `{}` gave {} outputs for {} assets", asset.key, outputs.len(), self.step.assets.len());
            return Err(Error::new(ErrorKind::Internal, message).with("at", asset.source));
        }
        if let Some(first) = outputs.first_mut() {
            first.beside.metadata.extend(context.take_metadata());
            first.beside.data_version = context.take_data_version().or(first.beside.data_version.take());
        }
        Ok(outputs)
    }
}

/// An error of a mode that refuses to replace.
fn already_there(asset: &AssetSpec, present: &Slice) -> Error {
    let what = match (present, &asset.partitions) {
        (Slice::Keys(_), Some(def)) => match def.resolve(present) {
            Ok(keys) => format!("{} of `{}`", super::inputs::named(&keys), asset.key),
            Err(_) => format!("a part of `{}`", asset.key),
        },
        _ => format!("`{}`", asset.key),
    };
    let message = format!("{what} is stored already, and `mode = \"error\"` refuses to replace it");
    Error::new(ErrorKind::Present, message).help("remove what is stored, or choose another `mode`")
}

/// Says of an error from a body, or from a plan that a body handed out, whose it is.
pub(super) fn in_body(error: Error, asset: &AssetSpec) -> Error {
    error.with("asset", format!("`{}`", asset.key)).with("at", asset.source)
}

/// Says of an error for which partition it was.
fn in_unit(error: Error, making: Option<&KeySet>) -> Error {
    match making {
        Some(making) => error.with("partition", super::inputs::named(making)),
        None => error,
    }
}

pub(super) fn between(from: Duration, to: Duration) -> SignedDuration {
    SignedDuration::try_from(to.saturating_sub(from)).unwrap_or_default()
}
