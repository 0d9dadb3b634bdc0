//! What becomes of the value of a body: staged piece by piece, looked at, committed as one, recorded.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::FutureExt;

use super::sources::{MadeFrom, Sources};
use super::step::{StepRun, in_body};
use super::workshop::{PendingOutput, Store, one_table};
use crate::asset::{AssetSpec, Mode};
use crate::call::{ProducedOutput, ProducedValue};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, Materialization};
use crate::exec::env::panic_message;
use crate::exec::plan::StepAsset;
use crate::frame::StoredRows;
use crate::frame::check_declared;
use crate::io::{Staged, StoreRequest};
use crate::metadata::MetadataValue;
use crate::partition::{KeySet, PartitionKey};
use crate::slice::Slice;
use crate::value::Value;

/// The output of one asset on its way: what is staged of it, and what to say of it once it is committed.
pub(super) struct Pending<'a> {
    asset: &'a Arc<AssetSpec>,
    target: &'a StepAsset,
    store: Option<Store<'a>>,
    number: i64,
    sources: Arc<Sources<'a>>,
    /// What the body says identifies the data, call by call.
    versions: Vec<(Slice, Option<String>)>,
    staged: Vec<Staged>,
    metadata: Vec<(String, MetadataValue)>,
    /// The rows themselves, if they are in memory, all there is, and wanted by others.
    rows: Option<Arc<dyn StoredRows>>,
}

impl<'a> StepRun<'a> {
    /// The output of one asset before there is anything of it. One that is stored already is not stored again.
    pub(super) fn pending(
        &self,
        target: &'a StepAsset,
        number: i64,
        is_stored: bool,
        sources: &Arc<Sources<'a>>,
    ) -> Result<Pending<'a>> {
        let (asset, store) = self.workshop.asset(&target.key)?;
        let (store, sources, versions) = (store.filter(|_| !is_stored), Arc::clone(sources), Vec::new());
        Ok(Pending { asset, target, store, number, sources, versions, staged: Vec::new(), metadata: Vec::new(), rows: None })
    }

    /// Stages what one call gave for one asset.
    pub(super) async fn stage(&self, produced: ProducedOutput, making: Option<&KeySet>, pending: &mut Pending<'a>) -> Result<()> {
        let making = making.filter(|_| pending.asset.partitions.is_some());
        let slice = making.map_or(Slice::Whole, KeySet::slice);
        pending.metadata.extend(produced.beside.metadata);
        if !matches!(produced.value, ProducedValue::Nothing) {
            pending.versions.push((slice.clone(), produced.beside.data_version));
        }
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
                // One that panics has not said that all is well, and what was staged is not to stay.
                let said = catch_unwind(AssertUnwindSafe(|| hook(&shown)));
                let said = said.unwrap_or_else(|payload| Err(panicked("a check before the commit", payload.as_ref())));
                said.map_err(|error| match store {
                    Some(store) => store.blame(error, asset, &target.slice),
                    None => error,
                })?;
            }
        }
        Ok(())
    }

    /// Commits the output of one asset; nothing if there is none.
    pub(super) async fn commit(&self, output: Pending<'_>) -> Result<Option<Arc<Materialization>>> {
        let Pending { asset, target, store, number, sources, versions, staged, metadata, rows } = output;
        let Some(store) = store.filter(|_| !staged.is_empty()) else { return Ok(None) };
        let id = CommitId::new(&self.workshop.state.log_id()?, &asset.key, &target.slice, number);
        let slice = staged_slice(asset, &staged)?;
        let made_from = self.made_from(&sources, &slice)?;
        let request = self.request(asset, store, &slice, &metadata);
        self.hand_over.forget(&asset.key);
        self.journal.hold(self.workshop)?;
        // A store that panics may have done it before.
        let committed = AssertUnwindSafe(async { store.io.commit(request.clone(), staged.clone(), &id).await });
        let committed = committed.catch_unwind().await;
        let committed = match committed.unwrap_or_else(|payload| Err(panicked("the store", payload.as_ref()))) {
            Ok(committed) if committed.already && self.again => {
                return Box::pin(self.made_before(asset, store, &slice, &id)).await;
            }
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
        let made_from = if committed.ignored.is_some() { self.made_from(&sources, &slice)? } else { made_from };
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
        let MadeFrom { code, config, inputs, .. } = made_from;
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

    /// What a part of the output is made from: of what the step reads, only what these partitions are made from.
    fn made_from(&self, sources: &Sources<'_>, slice: &Slice) -> Result<MadeFrom> {
        // What is made for several assets at once is made from what the first of them is, which has the keys.
        let main = &self.step.assets[0];
        let (asset, _) = self.workshop.asset(&main.key)?;
        let part = if *slice == Slice::Whole { &main.slice } else { slice };
        let def = asset.partitions.as_ref().filter(|_| *part != Slice::Whole);
        let keys = def.map(|def| def.resolve(part)).transpose()?;
        sources.made_from(asset, keys.as_ref())
    }

    pub(super) async fn discard(&self, pending: &[Pending<'_>]) {
        for output in pending.iter().filter(|output| !output.staged.is_empty()) {
            let Some(store) = output.store else { continue };
            let request = self.request(output.asset, store, &output.target.slice, &output.metadata);
            // The step fails with a better error already, and what is left behind is invisible.
            drop(store.io.discard(request, output.staged.clone()).await);
        }
    }

    pub(super) fn request<'r>(
        &'r self,
        asset: &'r AssetSpec,
        store: Store<'_>,
        slice: &'r Slice,
        metadata: &'r [(String, MetadataValue)],
    ) -> StoreRequest<'r> {
        StoreRequest::new(asset, slice, self.run, Arc::clone(&self.workshop.env)).metadata(metadata).mode(store.mode(asset))
    }
}

/// An error of somebody who was called between the body and its record. What a body panicked with is told by whoever carries out the step.
fn panicked(who: &str, payload: &(dyn Any + Send)) -> Error {
    Error::new(ErrorKind::Panic, format!("{who} panicked: {}", panic_message(payload)))
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
