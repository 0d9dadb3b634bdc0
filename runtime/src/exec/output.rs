//! What becomes of the value of a body: staged piece by piece, looked at, committed as one, recorded.

use std::sync::Arc;
use std::time::Duration;

use super::sources::MadeFrom;
use super::step::{StepRun, in_body};
use super::workshop::{PendingOutput, Store, one_table};
use crate::asset::{AssetSpec, Mode};
use crate::call::{ProducedOutput, ProducedValue};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, Materialization};
use crate::exec::plan::StepAsset;
use crate::frame::StoredRows;
use crate::frame::check_declared;
use crate::io::{CommitState, LoadRequest, Staged, StoreRequest};
use crate::metadata::MetadataValue;
use crate::partition::{KeySet, PartitionKey};
use crate::slice::Slice;
use crate::value::Value;

/// How many milliseconds a store whose answer to a commit was lost is waited for before each time that it is asked.
const ASK: [u64; 5] = [0, 100, 400, 1_000, 2_000];

/// The output of one asset on its way: what is staged of it, and what to say of it once it is committed.
pub(super) struct Pending<'a> {
    asset: &'a Arc<AssetSpec>,
    target: &'a StepAsset,
    store: Option<Store<'a>>,
    number: i64,
    made_from: Arc<MadeFrom>,
    /// What the body says identifies the data, call by call.
    versions: Vec<(Slice, Option<String>)>,
    staged: Vec<Staged>,
    metadata: Vec<(String, MetadataValue)>,
    /// The rows themselves, if they are in memory, all there is, and wanted by others.
    rows: Option<Arc<dyn StoredRows>>,
}

impl<'a> StepRun<'a> {
    pub(super) fn pending(&self, target: &'a StepAsset, number: i64, made_from: &Arc<MadeFrom>) -> Result<Pending<'a>> {
        let (asset, store) = self.workshop.asset(&target.key)?;
        let (made_from, versions) = (Arc::clone(made_from), Vec::new());
        Ok(Pending { asset, target, store, number, made_from, versions, staged: Vec::new(), metadata: Vec::new(), rows: None })
    }

    /// Stages what one call gave for one asset.
    pub(super) async fn stage(&self, produced: ProducedOutput, making: Option<&KeySet>, pending: &mut Pending<'a>) -> Result<()> {
        let making = making.filter(|_| pending.asset.partitions.is_some());
        let slice = making.map_or(Slice::Whole, KeySet::slice);
        pending.metadata.extend(produced.beside.metadata);
        pending.versions.push((slice.clone(), produced.beside.data_version));
        match produced.value {
            ProducedValue::Nothing => self.nothing_to_store(pending.asset, &slice),
            ProducedValue::One(value) => self.stage_value(value, slice, making, pending).await,
            ProducedValue::Partitions(values) => Box::pin(self.stage_partitions(values, making, pending)).await,
        }
    }

    /// Stages a map of partitions, which has to have all that the step makes and no other.
    async fn stage_partitions(
        &self,
        values: Vec<(PartitionKey, Value)>,
        making: Option<&KeySet>,
        pending: &mut Pending<'a>,
    ) -> Result<()> {
        let Some(making) = making else {
            let message = format!("`{}` has no partitions, and its body gave a map of them", pending.asset.key);
            return Err(in_body(Error::new(ErrorKind::Value, message), pending.asset));
        };
        let mut given = making.space().none();
        for (key, value) in values {
            let unwanted = |_| {
                let message = format!("the body gave a value for the partition {key:?}, which this step does not make");
                in_body(Error::new(ErrorKind::StrayRows, message), pending.asset)
            };
            let index = making.space().index(&key).map_err(unwanted)?;
            if given.contains(index) {
                let message = format!("the body gave two values for the partition {key:?}");
                return Err(in_body(Error::new(ErrorKind::Value, message), pending.asset));
            }
            if !making.contains(index) {
                return Err(unwanted(Error::new(ErrorKind::PartitionKey, "not in the step")));
            }
            given.insert(index);
            let slice = making.only(index).slice();
            self.stage_value(value, slice, Some(&making.only(index)), pending).await?;
        }
        let left_out = making.difference(&given);
        if left_out.is_empty() { Ok(()) } else { self.nothing_to_store(pending.asset, &left_out.slice()) }
    }

    async fn stage_value(&self, value: Value, slice: Slice, making: Option<&KeySet>, pending: &mut Pending<'a>) -> Result<()> {
        let Some(store) = pending.store else { return Ok(()) };
        let asset = pending.asset;
        if making.is_some_and(|making| making.len() > 1) && !one_table(asset, store) {
            let message = format!("`{}` made one value for several partitions, each of which is stored on its own", asset.key);
            let help = "return a `Partitions<…>` map, or say with `partition_expr` which column tells the partitions apart";
            return Err(in_body(Error::new(ErrorKind::Value, message).help(help), asset));
        }
        let value = as_declared(&self.workshop.env, asset, value).await.map_err(|error| in_body(error, asset))?;
        if let Value::Table(table) = &value {
            pending.rows = table.share().filter(|rows| {
                pending.staged.is_empty() && slice == pending.target.slice && self.hand_over.wants(&asset.key, rows.bytes())
            });
        }
        let request = self.request(asset, store, &slice, &pending.metadata);
        let staged = store.io.stage(request, value).await;
        let staged = staged.map_err(|error| store.blame(in_body(error, asset), asset, &slice))?;
        pending.staged.push(staged.slice(slice));
        Ok(())
    }

    /// The body gave nothing: fine for an output that may be absent.
    fn nothing_to_store(&self, asset: &AssetSpec, slice: &Slice) -> Result<()> {
        if !asset.is_stored() {
            return Ok(());
        }
        if !asset.output.optional {
            let message = match (slice, &asset.partitions) {
                (Slice::Keys(_), Some(def)) => {
                    let keys = def.resolve(slice)?;
                    format!(
                        "`{}` produced nothing for {}, and its output is not optional",
                        asset.key,
                        super::inputs::named(&keys)
                    )
                }
                _ => format!("`{}` produced nothing, and its output is not optional", asset.key),
            };
            return Err(in_body(Error::new(ErrorKind::Value, message), asset));
        }
        let reason = "the run produced nothing; what was stored is still there".to_owned();
        let skipped = EventKind::OutputSkipped { step: self.step.number, asset: asset.key.clone(), slice: slice.clone(), reason };
        self.emit(skipped)
    }

    pub(super) fn check(&self, pending: &[Pending<'_>]) -> Result<()> {
        for output in pending.iter().filter(|output| !output.staged.is_empty()) {
            let Pending { asset, target, staged, metadata, store, .. } = output;
            let shown = PendingOutput { asset, slice: &target.slice, staged, metadata };
            for hook in &self.workshop.hooks {
                hook(&shown).map_err(|error| match store {
                    Some(store) => store.blame(error, asset, &target.slice),
                    None => error,
                })?;
            }
        }
        Ok(())
    }

    /// Commits the output of one asset; nothing if there is none.
    pub(super) async fn commit(&self, output: Pending<'_>) -> Result<Option<Arc<Materialization>>> {
        let Pending { asset, target, store, number, made_from, versions, staged, metadata, rows } = output;
        let Some(store) = store.filter(|_| !staged.is_empty()) else { return Ok(None) };
        let id = CommitId::new(&self.workshop.state.log_id()?, &asset.key, &target.slice, number);
        let slice = staged_slice(asset, &staged)?;
        let request = self.request(asset, store, &slice, &metadata);
        self.hand_over.forget(&asset.key);
        self.journal.hold(self.workshop)?;
        let committed = match store.io.commit(request.clone(), staged.clone(), &id).await {
            Ok(committed) => committed,
            Err(error) => return Box::pin(self.settle(error, request, store, staged, id)).await,
        };
        if let Some(ignored) = &committed.ignored {
            let reason = "it was stored by somebody else in the meantime, and `mode = \"ignore\"` leaves it as it is".to_owned();
            let skipped =
                EventKind::OutputSkipped { step: self.step.number, asset: asset.key.clone(), slice: ignored.clone(), reason };
            self.emit(skipped)?;
            if *ignored == slice {
                return Ok(None);
            }
        }
        let (slice, staged) = stored_pieces(asset, slice, staged, committed.ignored.as_ref())?;
        // Only what replaces is all there is, whatever the store says of its own part.
        let replaced = store.mode(asset) == Mode::Overwrite && committed.ignored.is_none();
        if let Some(rows) = rows.filter(|_| committed.exact && replaced) {
            self.hand_over.put(id.clone(), committed.version, &slice, rows);
        }
        let mut metadata = metadata;
        for (name, value) in self.profile(asset, store, &slice, committed.version).await {
            // What the body says comes first.
            if metadata.iter().all(|(known, _)| *known != name) {
                metadata.push((name, value));
            }
        }
        let data_version = made_from.data_version(&versions, &staged, store.mode(asset), &id);
        let MadeFrom { code, config, inputs, .. } = Arc::unwrap_or_clone(made_from);
        let sum = |of: fn(&Staged) -> Option<u64>| staged.iter().map(of).sum::<Option<u64>>();
        let rows = sum(|staged| staged.rows);
        // Whoever replaces a slice knows what is in it.
        let slice_rows = rows.filter(|_| store.mode(asset) != Mode::Append && committed.ignored.is_none());
        let materialization = Arc::new(Materialization {
            asset: asset.key.clone(),
            store: store.key.to_owned(),
            location: store.io.locate(asset, &slice)?.to_string(),
            version: committed.version,
            rows,
            slice_rows: committed.slice_rows.or(slice_rows),
            table_rows: committed.table_rows,
            bytes: sum(|staged| staged.bytes),
            columns: staged.into_iter().next().map(|staged| staged.columns).unwrap_or_default(),
            code_version: asset.code_version.clone(),
            code,
            config,
            inputs,
            data_version: Some(data_version),
            metadata,
            commit: id,
            attempt: self.run.attempt,
            slice,
        });
        self.moment.made.add(asset, &materialization);
        self.emit(EventKind::Materialized { step: self.step.number, materialization: Arc::clone(&materialization) })?;
        Ok(Some(materialization))
    }

    /// After a commit that failed: an answer can be lost when everything was done, and a step that were said to have failed would be
    /// made again by another run, under another number. So the store is asked until it answers, for a while.
    async fn settle(
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
            match self.stored_as(asset, store, slice, &id).await {
                Ok(Some(found)) => {
                    self.reconciled(asset, &found)?;
                    return Ok(Some(found));
                }
                Ok(None) => answered = true,
                Err(_) => {}
            }
        }
        // What is left behind is invisible; the error of the commit tells more than one of the clean-up. A commit that may still land
        // needs what it would make visible.
        if answered && !error.is_unsettled() {
            drop(store.io.discard(request.clone(), staged).await);
        }
        // Whoever made it again would do so under the same number, or replace it.
        let error = if answered { error.settled() } else { error.unsettled() };
        Err(store.blame(error, asset, slice))
    }

    /// What an earlier attempt at the step has stored already, if it was all there is to store: the store itself knows, whatever became
    /// of the one who asked it.
    pub(super) async fn committed_before(&self, numbers: &[i64]) -> Result<Option<Vec<Arc<Materialization>>>> {
        let log = self.workshop.state.log_id()?;
        let mut found = Vec::with_capacity(numbers.len());
        for (target, number) in self.step.assets.iter().zip(numbers) {
            let (asset, store) = self.workshop.asset(&target.key)?;
            let Some(store) = store else { return Ok(None) };
            let id = CommitId::new(&log, &asset.key, &target.slice, *number);
            match self.stored_as(asset, store, &target.slice, &id).await? {
                Some(materialization) => found.push(materialization),
                None => return Ok(None),
            }
        }
        for materialization in &found {
            self.reconciled(self.workshop.asset(&materialization.asset)?.0, materialization)?;
        }
        Ok(Some(found))
    }

    /// Something turned out to be stored.
    fn reconciled(&self, asset: &AssetSpec, materialization: &Arc<Materialization>) -> Result<()> {
        self.moment.made.add(asset, materialization);
        self.emit(EventKind::Reconciled { step: self.step.number, materialization: Arc::clone(materialization) })
    }

    /// What the store says of a commit, if it has it.
    async fn stored_as(
        &self,
        asset: &AssetSpec,
        store: Store<'_>,
        slice: &Slice,
        id: &CommitId,
    ) -> Result<Option<Arc<Materialization>>> {
        let request = self.request(asset, store, slice, &[]);
        let blame = |error| store.blame(error, asset, slice);
        let state = store.io.committed(request, std::slice::from_ref(id)).await.map_err(blame)?;
        if state != [CommitState::Committed] {
            return Ok(None);
        }
        let request = LoadRequest::new(asset, slice, Arc::clone(&self.workshop.env));
        let there = store.io.describe(request).await.map_err(blame)?;
        Ok(Some(Arc::new(Materialization {
            asset: asset.key.clone(),
            slice: slice.clone(),
            store: store.key.to_owned(),
            location: store.io.locate(asset, slice)?.to_string(),
            version: there.version,
            rows: None,
            slice_rows: None,
            table_rows: there.rows.filter(|_| *slice == Slice::Whole),
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
        })))
    }

    pub(super) async fn discard(&self, pending: &[Pending<'_>]) {
        for output in pending.iter().filter(|output| !output.staged.is_empty()) {
            let Some(store) = output.store else { continue };
            let request = self.request(output.asset, store, &output.target.slice, &output.metadata);
            // The step fails with a better error already, and what is left behind is invisible.
            drop(store.io.discard(request, output.staged.clone()).await);
        }
    }

    fn request<'r>(
        &'r self,
        asset: &'r AssetSpec,
        store: Store<'_>,
        slice: &'r Slice,
        metadata: &'r [(String, MetadataValue)],
    ) -> StoreRequest<'r> {
        StoreRequest::new(asset, slice, self.run, Arc::clone(&self.workshop.env)).metadata(metadata).mode(store.mode(asset))
    }
}

/// What of the pieces was stored.
fn stored_pieces(asset: &AssetSpec, slice: Slice, staged: Vec<Staged>, ignored: Option<&Slice>) -> Result<(Slice, Vec<Staged>)> {
    let (Some(ignored), Some(def)) = (ignored, &asset.partitions) else { return Ok((slice, staged)) };
    let ignored = def.resolve(ignored)?;
    let mut stored = Vec::new();
    for piece in staged {
        if def.resolve(&piece.slice)?.intersection(&ignored).is_empty() {
            stored.push(piece);
        }
    }
    Ok((def.resolve(&slice)?.difference(&ignored).slice(), stored))
}

/// What all pieces together are.
fn staged_slice(asset: &AssetSpec, staged: &[Staged]) -> Result<Slice> {
    let Some(def) = asset.partitions.as_ref().filter(|_| staged.len() > 1) else {
        return Ok(staged.first().map(|staged| staged.slice.clone()).unwrap_or_default());
    };
    def.combine(staged.iter().map(|staged| &staged.slice)).map(|keys| keys.slice())
}

/// The value, if it has the columns that the asset declares.
async fn as_declared(env: &Arc<dyn Env>, asset: &AssetSpec, value: Value) -> Result<Value> {
    let Some(declared) = asset.output.columns else { return Ok(value) };
    let Value::Table(mut table) = value else { return Ok(value) };
    blocking(env, move || check_declared(declared, &mut table, None).map(|()| Value::Table(table))).await
}
