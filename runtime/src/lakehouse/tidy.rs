//! Keeping the log: whether it says what the stores say, and removing what is old.

mod repair;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Lakehouse;
use crate::asset::AssetSpec;
use crate::commit::CommitId;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Durations, EventKind, Failure};
use crate::exec::{self, Journal, Past, Store, history, one_table};
use crate::io::{CommitState, Present, RunInfo, StoreRequest};
use crate::key::AssetKey;
use crate::partition::{KeySet, KeySpace};
use crate::slice::Slice;
use crate::state::{Collected, PartitionStatus, RunState, SliceStatus};

/// How many events of a history are read at once.
const PAGE: usize = 1024;

/// How the log and the stores differ.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// What the log does not say as it is.
    pub differences: Vec<Difference>,
    /// The runs that have not said how they ended, and whose processes are gone.
    pub lost: Vec<String>,
    /// What could not be compared, and why.
    pub unknown: Vec<(AssetKey, Failure)>,
}

/// Something that the log does not say as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The asset.
    pub asset: AssetKey,
    /// The part of it.
    pub slice: Slice,
    /// In what they differ.
    pub found: Found,
    /// The run that stored it, if the log does not know that it did.
    pub run: Option<String>,
}

/// In what the log and a store differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Found {
    /// It is recorded as stored, and is not there.
    Gone,
    /// It is recorded as stored, and something else is there, which no run of this log has stored.
    Replaced,
    /// A run has stored it, and the log does not know.
    Unrecorded,
}

impl Found {
    /// It in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Gone => "recorded as stored, and not there",
            Self::Replaced => "recorded as stored, and something else is there",
            Self::Unrecorded => "stored by a run, and not recorded",
        }
    }
}

/// A part of an asset that is recorded as stored, with what is known of its commit.
struct Recorded {
    keys: Option<KeySet>,
    commit: Option<CommitId>,
}

impl Lakehouse {
    /// Compares what the log says with what the stores say: whether what is recorded as stored is there and is what was recorded, and
    /// whether runs that ended early have stored more than the log knows. Changes nothing. Stores that end with the process are left out.
    ///
    /// ```
    /// use lakewright::prelude::*;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lakewright::Result<()> {
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
    /// lakehouse.materialize("numbers").await?;
    /// assert!(lakehouse.compare().await?.differences.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the log cannot be read. What a store cannot tell is part of the answer.
    pub async fn compare(&self) -> Result<Comparison> {
        let mut all = self.compare_runs(false).await?;
        self.compare_stores(&mut all).await?;
        Ok(all)
    }

    /// What runs that ended early have stored without the log knowing.
    async fn compare_runs(&self, apply: bool) -> Result<Comparison> {
        let mut all = Comparison::default();
        let mut early = Vec::new();
        self.each_run(false, |record, state| {
            let over = matches!(state, RunState::Running | RunState::Succeeded);
            if !over && record.about.action.is_none() {
                early.push(record.run.clone());
            }
            if state == RunState::Interrupted && record.finished.is_none() {
                all.lost.push(record.run);
            }
            true
        })?;
        for run in early {
            let past = Past::of(&run, &self.workshop.state.run_events(&run, 0, usize::MAX)?);
            // What other definitions made cannot be found any more.
            let Some(past) = past.ok().filter(|past| past.plan.check(self.graph()).is_ok()) else { continue };
            let journal = Journal::new(run.clone(), self.workshop.env.holder(), &self.workshop);
            // What has never begun has stored nothing.
            for step in past.open().into_iter().filter(|step| past.attempts.contains_key(step)) {
                let spec = &past.plan.steps[step];
                if !spec.assets.iter().any(|asset| self.outlives(&asset.key)) {
                    continue;
                }
                match exec::committed_before(&self.workshop, &journal, spec).await {
                    Ok(true) => {
                        journal.emit(&self.workshop, EventKind::StepSucceeded { step, durations: Durations::default() })?;
                        let run = Some(run.clone());
                        all.differences.extend(spec.assets.iter().map(|asset| Difference {
                            asset: asset.key.clone(),
                            slice: asset.slice.clone(),
                            found: Found::Unrecorded,
                            run: run.clone(),
                        }));
                    }
                    Ok(false) => {}
                    Err(error) => all.unknown.push((spec.assets[0].key.clone(), Failure::from(&error))),
                }
            }
            if apply {
                journal.flush(&self.workshop)?;
            }
        }
        Ok(all)
    }

    /// Whether what is stored of an asset is still there when the process has ended.
    fn outlives(&self, key: &AssetKey) -> bool {
        self.workshop.asset(key).ok().and_then(|(_, store)| store).is_some_and(|store| store.io.capabilities().durable)
    }

    async fn compare_stores(&self, all: &mut Comparison) -> Result<()> {
        let busy = self.being_made()?;
        for asset in self.graph().assets().filter(|asset| !asset.is_external() && self.outlives(&asset.key)) {
            if let Some(run) = busy.get(&asset.key) {
                let error = Error::new(ErrorKind::Busy, format!("`{}` is being made by run `{run}`", asset.key));
                all.unknown.push((asset.key.clone(), Failure::from(&error.help("compare again when it has ended"))));
                continue;
            }
            let (_, Some(store)) = self.workshop.asset(&asset.key)? else { continue };
            let space = self.partitions(&asset.key)?;
            let recorded = self.recorded_commits(asset, space.as_ref())?;
            match self.compare_asset(asset, store, space.as_ref(), recorded).await {
                Ok(found) => all.differences.extend(found),
                Err(error) => all.unknown.push((asset.key.clone(), Failure::from(&error))),
            }
        }
        Ok(())
    }

    /// The assets that runs make now: what is stored of them changes before it is recorded.
    fn being_made(&self) -> Result<BTreeMap<AssetKey, String>> {
        let mut running = Vec::new();
        self.each_run(true, |record, state| {
            running.extend((state == RunState::Running).then_some(record.run));
            true
        })?;
        let mut made = BTreeMap::new();
        for run in running {
            made.extend(self.assets_of(&run)?.into_iter().map(|asset| (asset, run.clone())));
        }
        Ok(made)
    }

    /// The assets that a run makes.
    fn assets_of(&self, run: &str) -> Result<Vec<AssetKey>> {
        let mut assets = Vec::new();
        for event in self.workshop.state.run_events(run, 0, 1)? {
            if let EventKind::RunStarted { steps, .. } = event.kind {
                assets.extend(steps.into_iter().flat_map(|step| step.assets));
            }
        }
        Ok(assets)
    }

    /// The parts of an asset that were last recorded as stored, each with its commit, newest first.
    fn recorded_commits(&self, asset: &AssetSpec, space: Option<&KeySpace>) -> Result<Vec<Recorded>> {
        let rows: Vec<SliceStatus> = self.workshop.status_rows(asset, 0)?;
        let mut recorded = Vec::new();
        let mut overruled = space.map(KeySpace::none);
        for row in rows.into_iter().rev() {
            let keys = match (space, &mut overruled) {
                (Some(space), Some(overruled)) if row.slice != Slice::Whole => {
                    let keys = space.known(&row.slice);
                    let keys_left = keys.difference(overruled);
                    *overruled = overruled.union(&keys);
                    if keys_left.is_empty() {
                        continue;
                    }
                    Some(keys_left)
                }
                (None, _) if row.slice == Slice::Whole => None,
                // The asset had other partitions then, or none.
                _ => continue,
            };
            if row.status == PartitionStatus::Materialized {
                let event =
                    self.workshop.state.events(row.cursor.saturating_sub(1), 1)?.pop().filter(|event| event.cursor == row.cursor);
                let commit = event.and_then(|event| match event.kind {
                    EventKind::Materialized { materialization, .. } | EventKind::Reconciled { materialization, .. } => {
                        // What was made under an earlier key has a commit that is not of this one.
                        Some(materialization.commit.clone()).filter(|commit| commit.asset == asset.key)
                    }
                    _ => None,
                });
                recorded.push(Recorded { keys, commit });
            }
            if space.is_none() {
                break;
            }
        }
        Ok(recorded)
    }

    async fn compare_asset(
        &self,
        asset: &AssetSpec,
        store: Store<'_>,
        space: Option<&KeySpace>,
        recorded: Vec<Recorded>,
    ) -> Result<Vec<Difference>> {
        if recorded.is_empty() {
            return Ok(Vec::new());
        }
        let all = |of: &[Recorded]| {
            let keys =
                space.map(|space| of.iter().filter_map(|one| one.keys.as_ref()).fold(space.none(), |all, one| all.union(one)));
            keys.map_or(Slice::Whole, |keys| keys.slice())
        };
        let slice = all(&recorded);
        let there = self.present_in(asset, store, &slice).await?;
        let (mut gone, mut left) = (Vec::new(), Vec::new());
        for one in recorded {
            match (&there, &one.keys) {
                (Present::Keys(there), Some(keys)) => {
                    let (absent, present) = (keys.difference(there), keys.intersection(there));
                    if !present.is_empty() {
                        left.push(Recorded { keys: Some(present), commit: one.commit });
                    }
                    if !absent.is_empty() {
                        gone.push(Recorded { keys: Some(absent), commit: None });
                    }
                }
                (Present::Whole(true), None) => left.push(one),
                (Present::Whole(false), None) => gone.push(one),
                _ => return Err(Error::new(ErrorKind::Internal, "the store was asked for one thing and answered for another")),
            }
        }
        let mut replaced = Vec::new();
        left.retain(|one| one.commit.is_some());
        if one_table(asset, store) {
            // One table is asked once, and knows of each commit whatever the partitions.
            let commits: Vec<CommitId> = left.iter().filter_map(|one| one.commit.clone()).collect();
            let states = self.commits_in(asset, store, &slice, &commits).await?;
            let came_after = commits.iter().zip(&states).filter(|(_, state)| **state == CommitState::Superseded);
            let kinds = came_after.map(|(commit, _)| commit.application()).collect();
            let known = self.last_are_known(asset, store, &slice, kinds).await?;
            for ((one, commit), state) in left.into_iter().zip(&commits).zip(states) {
                let differs = match state {
                    CommitState::Committed | CommitState::Forgotten => false,
                    CommitState::Absent => true,
                    // A run of the same partitions leaves one as it was for which its body gave nothing.
                    CommitState::Superseded => !known.contains(&commit.application()),
                };
                replaced.extend(differs.then_some(one));
            }
        } else {
            for Recorded { keys, commit } in left {
                let keys = match keys {
                    Some(keys) if self.is_replaced(asset, store, &keys.slice(), commit.as_ref()).await? => keys,
                    None if self.is_replaced(asset, store, &Slice::Whole, commit.as_ref()).await? => {
                        replaced.push(Recorded { keys: None, commit });
                        continue;
                    }
                    _ => continue,
                };
                // Of several files that were committed as one, it may be only some.
                for index in keys.indices() {
                    let one = keys.only(index);
                    if keys.len() == 1 || self.is_replaced(asset, store, &one.slice(), commit.as_ref()).await? {
                        replaced.push(Recorded { keys: Some(one), commit: None });
                    }
                }
            }
        }
        let differs = |of: &[Recorded], found| {
            (!of.is_empty()).then(|| Difference { asset: asset.key.clone(), slice: all(of), found, run: None })
        };
        Ok(differs(&gone, Found::Gone).into_iter().chain(differs(&replaced, Found::Replaced)).collect())
    }

    /// Whether a commit is not the last that landed in a slice.
    async fn is_replaced(&self, asset: &AssetSpec, store: Store<'_>, slice: &Slice, commit: Option<&CommitId>) -> Result<bool> {
        let Some(commit) = commit else { return Ok(false) };
        let states = self.commits_in(asset, store, slice, std::slice::from_ref(commit)).await?;
        Ok(!matches!(states[..], [CommitState::Committed | CommitState::Forgotten]))
    }

    /// Of these kinds of commits to one table, as [`CommitId::application`] names them, those of which the log knows the last that landed.
    async fn last_are_known(
        &self,
        asset: &AssetSpec,
        store: Store<'_>,
        slice: &Slice,
        mut kinds: BTreeSet<String>,
    ) -> Result<BTreeSet<String>> {
        let (mut last, mut before, mut more) = (Vec::new(), u64::MAX, true);
        while more && !kinds.is_empty() {
            let events = history(self.workshop.state.as_ref(), asset, before, PAGE)?;
            more = events.len() == PAGE;
            before = events.last().map_or(before, |event| event.cursor);
            for event in events {
                if let EventKind::Materialized { materialization, .. } | EventKind::Reconciled { materialization, .. } =
                    event.kind
                    && kinds.remove(&materialization.commit.application())
                {
                    last.push(materialization.commit.clone());
                }
            }
        }
        let states = self.commits_in(asset, store, slice, &last).await?;
        let landed = last.iter().zip(states).filter(|(_, state)| *state == CommitState::Committed);
        Ok(landed.map(|(commit, _)| commit.application()).collect())
    }

    async fn commits_in(&self, asset: &AssetSpec, store: Store<'_>, slice: &Slice, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let run = RunInfo::new("doctor", 1);
        let request = StoreRequest::new(asset, slice, &run, Arc::clone(&self.workshop.env));
        store.io.committed(request, ids).await.map_err(|error| store.blame(error, asset, slice))
    }

    /// Removes the runs that ended longer ago than that, with their events and what their steps wrote, but for what says what is stored
    /// now.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lakewright::prelude::*;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
    /// lakehouse.materialize_blocking("numbers")?;
    /// assert_eq!(lakehouse.collect(Duration::from_secs(3600))?.runs, 0);
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the log cannot be written. What was removed before that is gone, each run as a whole.
    pub fn collect(&self, older_than: Duration) -> Result<Collected> {
        self.workshop.state.collect(self.before(older_than)?)
    }

    /// What [`Lakehouse::collect`] would remove.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn would_collect(&self, older_than: Duration) -> Result<Collected> {
        self.workshop.state.would_collect(self.before(older_than)?)
    }

    fn before(&self, older_than: Duration) -> Result<Timestamp> {
        let early = |_| Error::new(ErrorKind::Selection, "that is longer ago than there is time");
        let older_than = SignedDuration::try_from(older_than).map_err(early)?;
        self.workshop.env.now().checked_sub(older_than).map_err(early)
    }
}
