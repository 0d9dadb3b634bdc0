//! What of a step is in its stores already: before another attempt at it, and after a commit without an answer. The stores themselves know,
//! whatever became of those who asked them.

use std::sync::Arc;
use std::time::Duration;

use super::handover::HandOver;
use super::journal::Journal;
use super::step::StepRun;
use super::workshop::{Moment, Store, Workshop, one_table};
use crate::asset::{AssetSpec, Mode};
use crate::cancel::Cancel;
use crate::commit::CommitId;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, Materialization};
use crate::exec::plan::StepSpec;
use crate::io::{CommitState, LoadRequest, Present, RunInfo, Staged, StoreRequest};
use crate::partition::KeySet;
use crate::slice::Slice;

/// How many milliseconds a store whose answer to a commit was lost is waited for before each time that it is asked.
const ASK: [u64; 5] = [0, 100, 400, 1_000, 2_000];

/// What earlier attempts at a step have stored.
#[derive(Default)]
pub(super) struct Before {
    /// What is recorded of it.
    pub(super) found: Vec<Arc<Materialization>>,
    /// How much of each asset of the step, in their order; nothing if there was no attempt before.
    landed: Vec<Landed>,
}

/// How much of what a commit was to store is stored by it.
enum Landed {
    Nothing,
    /// These partitions, each of which is a table or a file of its own; or a later run has stored them.
    Part(KeySet),
    All,
    /// Nothing, and it is not to be any more: a later run has stored all of it.
    Superseded,
}

/// Which of several partitions, each of which is a table or a file of its own, need not be stored any more.
struct Settled {
    /// The commit has stored them.
    landed: KeySet,
    /// A later one has.
    later: KeySet,
}

impl Before {
    /// Whether all that the step was to store is stored.
    pub(super) fn is_all(&self) -> bool {
        !self.landed.is_empty() && self.landed.iter().all(|landed| matches!(landed, Landed::All))
    }

    /// Whether later runs have stored all that the step was to store. To make it once more could only end in a refusal; and what is made
    /// from it is made from what is there.
    pub(super) fn is_superseded(&self) -> bool {
        !self.landed.is_empty() && self.landed.iter().all(|landed| matches!(landed, Landed::Superseded))
    }

    /// Whether all of the asset in this place of the step is stored.
    pub(super) fn has(&self, place: usize) -> bool {
        matches!(self.landed.get(place), Some(Landed::All))
    }

    /// The partitions of the step that are still to be made.
    pub(super) fn left(&self, keys: Option<KeySet>) -> Option<KeySet> {
        match (keys, &self.landed[..]) {
            (Some(keys), [Landed::Part(landed)]) => Some(keys.difference(landed)),
            // What is made for several assets at once is made for all of them.
            (keys, _) => keys,
        }
    }
}

/// Whether a step of a run whose process is no more had stored all it was to; says so to the journal if it had.
pub(crate) async fn committed_before(workshop: &Arc<Workshop>, journal: &Journal, step: &StepSpec) -> Result<bool> {
    told_before(workshop, journal, step, Before::is_all).await
}

/// As [`committed_before`], and says to the journal what it had stored, also if that was not all.
pub(crate) async fn landed_before(workshop: &Arc<Workshop>, journal: &Journal, step: &StepSpec) -> Result<bool> {
    told_before(workshop, journal, step, |_| true).await
}

async fn told_before(workshop: &Arc<Workshop>, journal: &Journal, step: &StepSpec, tells: fn(&Before) -> bool) -> Result<bool> {
    let Some(numbers) = step.assets.iter().map(|asset| asset.number).collect::<Option<Vec<i64>>>() else { return Ok(false) };
    let run = RunInfo::new(journal.run(), 1);
    let (hand_over, moment, cancel) = (HandOver::none(), Moment::new(workshop.env.now()), Cancel::default());
    let (hand_over, moment, run, cancel) = (&hand_over, &moment, &run, &cancel);
    let step = StepRun { workshop, hand_over, moment, journal, step, run, cancel, changed: false, again: true };
    let before = step.landed_before(&numbers).await?;
    if tells(&before) {
        step.tell(&before)?;
    }
    Ok(before.is_all())
}

impl StepRun<'_> {
    /// What earlier attempts at the step have stored already.
    pub(super) async fn landed_before(&self, numbers: &[i64]) -> Result<Before> {
        let log = self.workshop.state.log_id()?;
        let mut before = Before::default();
        for (target, number) in self.step.assets.iter().zip(numbers) {
            let (asset, store) = self.workshop.asset(&target.key)?;
            let (landed, found) = match store {
                Some(store) => {
                    let id = CommitId::new(&log, &asset.key, &target.slice, *number);
                    self.landed(asset, store, &target.slice, &id).await?
                }
                // Nobody can tell whether it was made.
                None => (Landed::Nothing, None),
            };
            before.landed.push(landed);
            before.found.extend(found);
        }
        Ok(before)
    }

    /// Records what was found.
    pub(super) fn tell(&self, before: &Before) -> Result<()> {
        before.found.iter().try_for_each(|found| self.reconciled(found))
    }

    /// After a commit that failed: an answer can be lost when everything was done, and a step that were said to have failed would be
    /// made again by another run, under another number. So the store is asked until it answers, for a while.
    pub(super) async fn settle(
        &self,
        error: Error,
        request: StoreRequest<'_>,
        store: Store<'_>,
        staged: Vec<Staged>,
        id: CommitId,
    ) -> Result<Option<Arc<Materialization>>> {
        let (asset, slice) = (request.asset, request.slice);
        // Who was refused knows.
        let mut answered = matches!(error.kind(), ErrorKind::Superseded | ErrorKind::Present);
        for pause in ASK {
            if answered {
                break;
            }
            self.workshop.env.sleep(Duration::from_millis(pause)).await;
            let Ok((landed, found)) = self.landed(asset, store, slice, &id).await else { continue };
            // What is there is recorded, also if the rest is not.
            found.iter().try_for_each(|found| self.reconciled(found))?;
            if matches!(landed, Landed::All) {
                return Ok(found);
            }
            answered = true;
        }
        // What was sent and not answered may come after the store has said that it is not there. What replaces is then replaced; rows that
        // are added would be there twice, once another run has added them too.
        let may_come = error.is_unsettled() && matches!(request.mode, Mode::Append | Mode::Merge);
        // What is left behind is invisible; the error of the commit tells more than one of the clean-up. A commit that may still land
        // needs what it would make visible.
        if answered && !error.is_unsettled() {
            drop(store.io.discard(request.clone(), staged).await);
        }
        let error = match error.kind() {
            ErrorKind::Superseded if error.help_text().is_none() => error.help(format!(
                "a later run has stored it; `runs retry {}` makes all of this run anew, as a new run",
                self.run.run
            )),
            _ => error,
        };
        // Whoever made it again would do so under the same number, or replace it.
        let error = if answered && !may_come { error.settled() } else { error.unsettled() };
        Err(store.blame(error, asset, slice))
    }

    /// After a commit that an earlier attempt turned out to have made: what is there is what that one made of it.
    pub(super) async fn made_before(
        &self,
        asset: &AssetSpec,
        store: Store<'_>,
        slice: &Slice,
        id: &CommitId,
    ) -> Result<Option<Arc<Materialization>>> {
        // It is stored: whatever keeps the store from telling more of it, the step has not failed.
        let (_, found) = self.landed(asset, store, slice, id).await.map_err(Error::unsettled)?;
        found.iter().try_for_each(|found| self.reconciled(found))?;
        Ok(found)
    }

    /// Something turned out to be stored.
    fn reconciled(&self, found: &Arc<Materialization>) -> Result<()> {
        self.moment.made.add(self.workshop.asset(&found.asset)?.0, found);
        self.emit(EventKind::Reconciled { step: self.step.number, materialization: Arc::clone(found) })
    }

    /// How much of a slice a commit has stored, and what is to be recorded of that.
    async fn landed(
        &self,
        asset: &AssetSpec,
        store: Store<'_>,
        slice: &Slice,
        id: &CommitId,
    ) -> Result<(Landed, Option<Arc<Materialization>>)> {
        let state = self.commit_state(asset, store, slice, id).await?;
        let mut all = state == CommitState::Committed;
        let keys = self.request(asset, store, slice, &[]).keys()?;
        let several = keys.as_ref().filter(|keys| keys.len() > 1);
        let apart = several.is_some() && !one_table(asset, store);
        if !apart && is_later(state, asset, store) {
            return Ok((Landed::Superseded, None));
        }
        let mut later = None;
        let stored = match several {
            None if all => keys.clone(),
            None => return Ok((Landed::Nothing, None)),
            Some(keys) => {
                let mut landed = keys.space().none();
                if !all && apart {
                    let settled = self.each_settled(asset, store, keys, id).await?;
                    (landed, later) = (settled.landed, Some(settled.later));
                    // What is one commit after all may have landed while it was asked for.
                    all = !landed.is_empty() && self.commit_state(asset, store, slice, id).await? == CommitState::Committed;
                }
                if all {
                    // There may be some of which the body gave nothing.
                    landed = self.present(asset, store, slice, keys).await?;
                }
                Some(landed)
            }
        };
        let found = match &stored {
            Some(stored) if stored.is_empty() => None,
            stored => Some(self.found(asset, store, stored.as_ref(), id).await?),
        };
        // What later runs have stored is neither recorded nor made again.
        let settled = stored.map(|stored| later.as_ref().map_or_else(|| stored.clone(), |later| stored.union(later)));
        let landed = match settled {
            _ if all => Landed::All,
            Some(settled) if settled.is_empty() => Landed::Nothing,
            Some(settled) if several.is_some_and(|keys| settled.len() < keys.len()) => Landed::Part(settled),
            _ if found.is_none() => Landed::Superseded,
            _ => Landed::All,
        };
        Ok((landed, found))
    }

    /// What became of a commit, for all of a slice.
    async fn commit_state(&self, asset: &AssetSpec, store: Store<'_>, slice: &Slice, id: &CommitId) -> Result<CommitState> {
        let request = self.request(asset, store, slice, &[]);
        let states = store.io.committed(request, std::slice::from_ref(id)).await;
        let states = states.map_err(|error| store.blame(error, asset, slice))?;
        Ok(states.first().copied().unwrap_or(CommitState::Absent))
    }

    /// As [`StepRun::commit_state`], of each partition by itself.
    async fn each_settled(&self, asset: &AssetSpec, store: Store<'_>, keys: &KeySet, id: &CommitId) -> Result<Settled> {
        let (mut landed, mut later) = (keys.space().none(), keys.space().none());
        for index in keys.indices() {
            let state = self.commit_state(asset, store, &keys.only(index).slice(), id).await?;
            if state == CommitState::Committed {
                landed.insert(index);
            } else if is_later(state, asset, store) {
                later.insert(index);
            }
        }
        Ok(Settled { landed, later })
    }

    /// Which of the partitions are there.
    async fn present(&self, asset: &AssetSpec, store: Store<'_>, slice: &Slice, keys: &KeySet) -> Result<KeySet> {
        let request = LoadRequest::new(asset, slice, Arc::clone(&self.workshop.env));
        match store.io.present(request).await.map_err(|error| store.blame(error, asset, slice))? {
            Present::Keys(present) => Ok(keys.intersection(&present)),
            Present::Whole(_) => Ok(keys.clone()),
        }
    }

    /// What is to be recorded of what a commit has stored, as far as its store can tell.
    async fn found(
        &self,
        asset: &AssetSpec,
        store: Store<'_>,
        stored: Option<&KeySet>,
        id: &CommitId,
    ) -> Result<Arc<Materialization>> {
        let slice = stored.map_or(Slice::Whole, KeySet::slice);
        // Of several that are tables or files of their own, one tells what the columns are, and none the version of all.
        let apart = stored.filter(|stored| stored.len() > 1 && !one_table(asset, store));
        let one = apart.and_then(|stored| Some(stored.only(stored.indices().next()?).slice()));
        let request = LoadRequest::new(asset, one.as_ref().unwrap_or(&slice), Arc::clone(&self.workshop.env));
        let there = store.io.describe(request).await.map_err(|error| store.blame(error, asset, &slice))?;
        Ok(Arc::new(Materialization {
            asset: asset.key.clone(),
            store: store.key.to_owned(),
            location: store.io.locate(asset, &slice)?.to_string(),
            version: there.version.filter(|_| one.is_none()),
            rows: None,
            slice_rows: None,
            table_rows: there.rows.filter(|_| slice == Slice::Whole),
            bytes: None,
            columns: there.columns,
            code_version: asset.code_version.clone(),
            code: None,
            config: None,
            inputs: Vec::new(),
            data_version: None,
            metadata: Vec::new(),
            commit: id.clone(),
            attempt: self.run.attempt,
            slice,
        }))
    }
}

/// Whether a later commit stands for one that is not to be made any more. Rows that are added or merged are nobody else's.
fn is_later(state: CommitState, asset: &AssetSpec, store: Store<'_>) -> bool {
    state == CommitState::Superseded && store.mode(asset) == Mode::Overwrite
}
