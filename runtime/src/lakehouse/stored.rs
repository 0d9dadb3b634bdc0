//! What is stored, and what the log says of it: its history, removing it, and saying that it is there.

use std::sync::Arc;

use jiff::SignedDuration;
use serde::Serialize;

use super::{Lakehouse, not_partitioned};
use crate::asset::AssetSpec;
use crate::env::unique_id;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Durations, Event, EventKind, Failure, RunAbout, RunStatus, StepSummary};
use crate::exec::{Interrupt, Journal, PartitionChoice, Past, Store, history, one_table};
use crate::io::{LoadRequest, Present, RunInfo, StoreRequest};
use crate::key::AssetKey;
use crate::metadata::MetadataValue;
use crate::partition::KeySet;
use crate::slice::Slice;
use crate::state::{NewRun, PartitionStatus};

/// What was changed of an asset by other means than materializing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Changed {
    /// The run that did it.
    pub run: String,
    /// The part of the asset; nothing if there was nothing to do.
    pub slice: Option<Slice>,
    /// How many partitions that is; nothing for an asset without partitions.
    pub partitions: Option<u64>,
}

/// A run of one step that does not materialize.
pub(super) struct Action {
    pub(super) journal: Journal,
    interrupt: Interrupt,
    asset: Arc<AssetSpec>,
    slice: Slice,
}

impl Lakehouse {
    /// Up to `limit` events that changed what is stored of an asset, newest first, before a cursor; `u64::MAX` begins at the end. Also
    /// those from when it had one of its earlier keys (`alias`).
    ///
    /// ```
    /// use lakewright::event::EventKind;
    /// use lakewright::prelude::*;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
    /// lakehouse.materialize_blocking("numbers")?;
    /// let history = lakehouse.history(&"numbers".parse()?, u64::MAX, 10)?;
    /// assert!(matches!(history[0].kind, EventKind::Materialized { .. }));
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such asset, or the log cannot be read.
    pub fn history(&self, key: &AssetKey, before: u64, limit: usize) -> Result<Vec<Event>> {
        history(self.workshop.state.as_ref(), self.workshop.asset(key)?.0, before, limit)
    }

    /// Removes what is stored of an asset, or of some of its partitions, and records that it is gone. It is a run of its own: nobody else
    /// makes the same in the meantime. What is one table changes atomically; where each partition is stored on its own, each of them does.
    ///
    /// ```
    /// use lakewright::exec::PartitionChoice;
    /// use lakewright::prelude::*;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lakewright::Result<()> {
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
    /// lakehouse.materialize("numbers").await?;
    /// lakehouse.wipe(&"numbers".parse()?, &PartitionChoice::none()).await?;
    /// assert!(lakehouse.load(&"numbers".parse()?).await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is no such asset or partition, somebody else writes the asset, a run that makes a part of the same goes on
    /// ([`ErrorKind::Busy`]), or the store cannot delete ([`ErrorKind::Unsupported`]) or fails to. What was removed before that is
    /// recorded. [`ErrorKind::Conflict`] if this process was away for so long that another took it for ended: then nothing more is
    /// removed, as others may have made it since.
    pub async fn wipe(&self, key: &AssetKey, choice: &PartitionChoice) -> Result<Changed> {
        let (asset, store) = self.workshop.asset(key)?;
        if asset.is_external() {
            let message = format!("`{key}` is external: somebody else writes it");
            return Err(Error::new(ErrorKind::External, message).with("at", asset.source).help("remove it with what writes it"));
        }
        let Some(store) = store else {
            return Err(Error::new(ErrorKind::Unsupported, format!("nothing is stored for `{key}`")).with("at", asset.source));
        };
        let keys = self.chosen(asset, choice)?;
        let action = self.begin_action("wipe", asset, keys.as_ref()).await?;
        let work = async {
            match &keys {
                None => self.wipe_whole(&action, store).await,
                Some(keys) => self.wipe_keys(&action, store, keys).await,
            }
        };
        let done = self.beating(&action.journal, || action.interrupt.cancel(), work).await;
        self.end_action(&action, done)
    }

    /// Records that a part of an asset is stored, by other means than a run. The store is asked first, unless `force`.
    ///
    /// ```
    /// use lakewright::exec::PartitionChoice;
    /// use lakewright::prelude::*;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lakewright::Result<()> {
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
    /// let denied = lakehouse.report(&"numbers".parse()?, &PartitionChoice::none(), Vec::new(), false).await;
    /// assert!(denied.unwrap_err().to_string().contains("nothing is stored for `numbers`"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is no such asset or partition, nothing is stored there ([`ErrorKind::Missing`]), or a run that makes a part of the same
    /// goes on ([`ErrorKind::Busy`]).
    pub async fn report(
        &self,
        key: &AssetKey,
        choice: &PartitionChoice,
        metadata: Vec<(String, MetadataValue)>,
        force: bool,
    ) -> Result<Changed> {
        let (asset, store) = self.workshop.asset(key)?;
        let keys = self.chosen(asset, choice)?;
        if let Some(store) = store.filter(|_| !force) {
            self.refuse_absent(asset, store, keys.as_ref()).await?;
        }
        let action = self.begin_action("report", asset, keys.as_ref()).await?;
        let slice = action.slice.clone();
        let reported = EventKind::Reported { asset: key.clone(), slice: slice.clone(), metadata };
        let done = action.journal.emit(&self.workshop, reported).map(|()| (Some(slice), keys.map(|keys| keys.len())));
        self.end_action(&action, done)
    }

    /// The partitions of one asset that are chosen; nothing for an asset without partitions.
    fn chosen(&self, asset: &AssetSpec, choice: &PartitionChoice) -> Result<Option<KeySet>> {
        let Some(space) = self.partitions(&asset.key)? else {
            return if choice.is_none() { Ok(None) } else { Err(not_partitioned(&asset.key).with("at", asset.source)) };
        };
        let recorded = choice.asks_for().map(|status| self.workshop.recorded(&asset.key, &space, status)).transpose()?;
        let asked = [(asset.key.to_string(), &space, recorded.as_ref())];
        let keys = choice.resolve(&asked)?.pop().unwrap_or_else(|| space.none());
        if choice.is_none() {
            let message = format!(
                "`{}` is partitioned by `{}`, and it is not said which partitions are meant",
                asset.key,
                space.def().name()
            );
            let help = "add `--partition KEY`, `--partitions FIRST..LAST` or `--all-partitions`";
            return Err(Error::new(ErrorKind::PartitionKey, message).with("at", asset.source).help(help));
        }
        if keys.is_empty() {
            let message = match choice.asks_for().filter(|_| !space.is_empty()) {
                None => format!("`{}` has no partitions yet", asset.key),
                Some(PartitionStatus::Failed) => format!("no partition of `{}` is recorded as failed", asset.key),
                Some(_) => format!("no partition of `{}` is missing: all are recorded as stored", asset.key),
            };
            return Err(Error::new(ErrorKind::PartitionKey, message).with("at", asset.source));
        }
        Ok(Some(keys))
    }

    /// Begins a run of one step that does something else than to materialize.
    pub(super) async fn begin_action(&self, action: &str, asset: &Arc<AssetSpec>, keys: Option<&KeySet>) -> Result<Action> {
        let workshop = &self.workshop;
        let slice = keys.map_or(Slice::Whole, KeySet::slice);
        let (run, holder, now) = (unique_id(workshop.env.as_ref()), workshop.env.holder(), workshop.env.now());
        let about = RunAbout { selection: Some(asset.key.to_string()), action: Some(action.to_owned()), ..RunAbout::default() };
        let step = StepSummary { assets: vec![asset.key.clone()], slices: vec![slice.clone()], after: Vec::new() };
        self.close_lost_runs_of(Some(&|| vec![step.clone()])).await?;
        let new = NewRun {
            run: &run,
            at: now,
            holder: &holder,
            steps: vec![step],
            fingerprint: self.graph().fingerprint(),
            plan_at: now,
            about,
        };
        workshop.tell(|| Ok(vec![workshop.state.begin(&new, workshop.as_ref())?]))?;
        let journal = Journal::new(run, holder, workshop);
        journal.emit(workshop, EventKind::StepStarted { step: 0, attempt: 1 })?;
        journal.flush(workshop).inspect_err(|_| journal.release(workshop))?;
        Ok(Action { journal, interrupt: Interrupt::new(), asset: Arc::clone(asset), slice })
    }

    /// Records how an action ended, and gives back what it did.
    pub(super) fn end_action(&self, action: &Action, done: Result<(Option<Slice>, Option<u64>)>) -> Result<Changed> {
        let (kind, status) = match &done {
            Ok(_) => (EventKind::StepSucceeded { step: 0, durations: Durations::default() }, RunStatus::Succeeded),
            Err(error) => (EventKind::StepFailed { step: 0, failure: Failure::from(error) }, RunStatus::Failed),
        };
        // What could not be recorded, whoever takes the run over asks the store.
        let recorded = self.record_end(&action.journal, kind, status).inspect_err(|_| action.journal.release(&self.workshop));
        // What went wrong first is what is told.
        let (slice, partitions) = done?;
        recorded?;
        Ok(Changed { run: action.journal.run().to_owned(), slice, partitions })
    }

    fn record_end(&self, journal: &Journal, kind: EventKind, status: RunStatus) -> Result<()> {
        let workshop = &self.workshop;
        journal.emit(workshop, kind)?;
        let started = workshop.state.run(journal.run())?.map(|record| record.started);
        let elapsed = started.map_or(SignedDuration::ZERO, |started| workshop.env.now().duration_since(started));
        journal.emit(workshop, EventKind::RunFinished { status, elapsed: elapsed.max(SignedDuration::ZERO) })?;
        journal.flush(workshop)
    }

    async fn wipe_whole(&self, action: &Action, store: Store<'_>) -> Result<(Option<Slice>, Option<u64>)> {
        let asset = &action.asset;
        let recorded = self.workshop.status_rows(asset, 0)?.pop().is_some_and(|row| row.status == PartitionStatus::Materialized);
        // What is so damaged that nobody can tell whether it is there is removed too.
        let there = self.present_in(asset, store, &Slice::Whole).await.map_or(true, |found| found == Present::Whole(true));
        let deleted = if there { self.delete(action, store, &Slice::Whole).await } else { Ok(()) };
        let gone = match &deleted {
            Ok(()) => there || recorded,
            // It may have been removed all the same.
            Err(_) => recorded && matches!(self.present_in(asset, store, &Slice::Whole).await, Ok(Present::Whole(false))),
        };
        let told = if gone { self.wiped(action, Slice::Whole) } else { Ok(()) };
        deleted.and(told)?;
        Ok((gone.then_some(Slice::Whole), None))
    }

    async fn wipe_keys(&self, action: &Action, store: Store<'_>, keys: &KeySet) -> Result<(Option<Slice>, Option<u64>)> {
        let asset = &action.asset;
        let recorded = self.workshop.recorded(&asset.key, keys.space(), PartitionStatus::Materialized)?.intersection(keys);
        let (there, known) = match self.present_in(asset, store, &keys.slice()).await {
            Ok(Present::Keys(there)) => (there.clone(), there),
            // What is so damaged that nobody can tell which of them are there is removed too.
            _ => (keys.clone(), recorded.clone()),
        };
        let mut gone = recorded.difference(&there);
        let mut deleted = Ok(());
        if one_table(asset, store) {
            if !there.is_empty() {
                deleted = self.delete(action, store, &there.slice()).await;
            }
            if deleted.is_ok() {
                gone = gone.union(&there);
            }
        } else {
            for index in there.indices() {
                let one = there.only(index);
                deleted = self.delete(action, store, &one.slice()).await;
                if deleted.is_err() {
                    break;
                }
                gone = gone.union(&one);
            }
        }
        // It may have been removed all the same.
        if deleted.is_err()
            && let Ok(Present::Keys(left)) = self.present_in(asset, store, &known.slice()).await
        {
            gone = gone.union(&known.difference(&left));
        }
        // Whatever went wrong, what is gone is gone.
        let recorded = if gone.is_empty() { Ok(()) } else { self.wiped(action, gone.slice()) };
        deleted.and(recorded)?;
        Ok(((!gone.is_empty()).then(|| gone.slice()), Some(gone.len())))
    }

    fn wiped(&self, action: &Action, slice: Slice) -> Result<()> {
        action.journal.emit(&self.workshop, EventKind::Wiped { asset: action.asset.key.clone(), slice })?;
        action.journal.flush(&self.workshop)
    }

    /// Removes a slice from a store, unless the run is to end or is not carried out here any more: no store refuses to delete what
    /// others have made since.
    async fn delete(&self, action: &Action, store: Store<'_>, slice: &Slice) -> Result<()> {
        let (workshop, asset, run) = (&self.workshop, &action.asset, action.journal.run());
        if action.interrupt.is_raised() {
            return Err(Error::new(ErrorKind::Canceled, format!("the run `{run}` was cancelled")).help("do it again to go on"));
        }
        action.journal.hold(workshop)?;
        let info = RunInfo::new(run, 1);
        let request = StoreRequest::new(asset, slice, &info, Arc::clone(&workshop.env));
        store.io.delete(request).await.map_err(|error| store.blame(error, asset, slice))
    }

    async fn refuse_absent(&self, asset: &AssetSpec, store: Store<'_>, keys: Option<&KeySet>) -> Result<()> {
        let slice = keys.map_or(Slice::Whole, KeySet::slice);
        let what = match (self.present_in(asset, store, &slice).await?, keys) {
            (Present::Whole(there), _) if there => return Ok(()),
            (Present::Keys(there), Some(keys)) => match keys.difference(&there) {
                absent if absent.is_empty() => return Ok(()),
                absent => format!("{} of `{}`", crate::exec::named(&absent), asset.key),
            },
            _ => format!("`{}`", asset.key),
        };
        let error = Error::new(ErrorKind::Missing, format!("nothing is stored for {what}, so it is not recorded as stored"));
        Err(store.blame(error, asset, &slice).help("store it first, or say it anyway with `--force`"))
    }

    pub(super) async fn present_in(&self, asset: &AssetSpec, store: Store<'_>, slice: &Slice) -> Result<Present> {
        let request = LoadRequest::new(asset, slice, Arc::clone(&self.workshop.env));
        store.io.present(request).await.map_err(|error| store.blame(error, asset, slice))
    }

    /// Finds out what a run that wiped, and whose process is no more, had removed and could not record any more.
    pub(super) async fn settle_wipe(&self, journal: &Journal, past: &Past) -> Result<()> {
        let targets = past.open().into_iter().filter_map(|step| past.plan.steps[step].assets.first());
        for target in targets {
            let (asset, Some(store)) = self.workshop.asset(&target.key)? else { continue };
            let gone = match (self.present_in(asset, store, &target.slice).await?, self.partitions(&target.key)?) {
                (Present::Whole(there), None) => (!there).then_some(Slice::Whole),
                (Present::Keys(there), Some(space)) => {
                    let recorded = self.workshop.recorded(&target.key, &space, PartitionStatus::Materialized)?;
                    let gone = recorded.intersection(&space.known(&target.slice)).difference(&there);
                    (!gone.is_empty()).then(|| gone.slice())
                }
                _ => None,
            };
            if let Some(slice) = gone {
                journal.emit(&self.workshop, EventKind::Wiped { asset: target.key.clone(), slice })?;
            }
        }
        Ok(())
    }
}
