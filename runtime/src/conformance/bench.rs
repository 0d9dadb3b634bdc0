//! A store on the bench: opened at a place of its own, and driven by hand or by a lakehouse.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::breach::{Breach, Verdict};
use super::content::{Content, sample};
use super::place::{Open, Place};
use super::shared::SharedIoManager;
use crate::asset::{AssetBuilder, AssetSpec, ValueKind};
use crate::call::Produced;
use crate::commit::CommitId;
use crate::env::Env;
use crate::error::Result;
use crate::exec::{RunReport, SystemEnv};
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Present, RunInfo, Staged, StoreRequest,
};
use crate::lakehouse::{Lakehouse, LakehouseBuilder};
use crate::partition::{KeySet, KeySpace, PartitionsDef};
use crate::registry::Registry;
use crate::slice::Slice;
use crate::value::Value;

/// The log that commits by hand are numbered in.
pub(super) const LOG: &str = "conformance";

/// A store on the bench.
pub(super) struct Bench {
    pub(super) store: Arc<dyn IoManager>,
    pub(super) can: Capabilities,
    pub(super) env: Arc<dyn Env>,
    pub(super) place: Place,
    /// The kind of value that is looked at.
    kind: ValueKind,
    open: Open,
    run: RunInfo,
}

impl Bench {
    pub(super) async fn new(place: Place, kind: ValueKind, open: Open) -> Self {
        let store = open(place.clone()).await;
        let can = store.capabilities();
        Self { store, can, env: Arc::new(SystemEnv::new()), place, kind, open, run: RunInfo::new("run-by-hand", 1) }
    }

    /// Another instance of the store at the same place; the same one if all it holds is in it.
    pub(super) async fn again(&self) -> Self {
        let store = if self.can.durable { (self.open)(self.place.clone()).await } else { Arc::clone(&self.store) };
        let (can, env, place) = (store.capabilities(), Arc::clone(&self.env), self.place.clone());
        Self { store, can, env, place, kind: self.kind, open: self.open, run: self.run.clone() }
    }

    /// The kind of value that is looked at.
    pub(super) fn kind(&self) -> ValueKind {
        self.kind
    }

    pub(super) fn request<'a>(&'a self, asset: &'a AssetSpec, slice: &'a Slice) -> StoreRequest<'a> {
        let request = StoreRequest::new(asset, slice, &self.run, Arc::clone(&self.env));
        request.mode(asset.mode.unwrap_or_default())
    }

    pub(super) fn read<'a>(&self, asset: &'a AssetSpec, slice: &'a Slice) -> LoadRequest<'a> {
        LoadRequest::new(asset, slice, Arc::clone(&self.env))
    }

    /// Stages a value as a step does.
    pub(super) async fn stage(&self, asset: &AssetSpec, slice: &Slice, value: Value) -> Result<Staged> {
        Ok(self.store.stage(self.request(asset, slice), value).await?.slice(slice.clone()))
    }

    /// Stages the `n`th sample.
    pub(super) async fn stage_sample(&self, asset: &AssetSpec, slice: &Slice, n: i64) -> Verdict<Staged> {
        Ok(self.stage(asset, slice, sample(asset.output.kind, n)?).await?)
    }

    /// Commits what was staged.
    pub(super) async fn commit(&self, asset: &AssetSpec, slice: &Slice, staged: &[Staged], number: i64) -> Result<Committed> {
        self.store.commit(self.request(asset, slice), staged.to_vec(), &id(asset, slice, number)).await
    }

    /// Stages and commits a value.
    pub(super) async fn put(&self, asset: &AssetSpec, slice: &Slice, value: Value, number: i64) -> Result<Committed> {
        let staged = self.stage(asset, slice, value).await?;
        let committed = self.commit(asset, slice, std::slice::from_ref(&staged), number).await;
        if committed.is_err() {
            self.store.discard(self.request(asset, slice), vec![staged]).await?;
        }
        committed
    }

    /// Stages and commits the `n`th sample.
    pub(super) async fn put_sample(&self, asset: &AssetSpec, slice: &Slice, n: i64, number: i64) -> Verdict<Committed> {
        Ok(self.put(asset, slice, sample(asset.output.kind, n)?, number).await?)
    }

    /// What is stored, with rows in an order that says nothing.
    pub(super) async fn get(&self, asset: &AssetSpec, slice: &Slice) -> Verdict<Option<Content>> {
        match self.store.load(self.read(asset, slice)).await? {
            Some(value) => Ok(Some(Content::of(value, &self.env).await?.sorted())),
            None => Ok(None),
        }
    }

    /// Refuses if something else than the `n`th sample is stored.
    pub(super) async fn expect_sample(&self, asset: &AssetSpec, slice: &Slice, n: i64, when: &str) -> Verdict {
        self.expect(asset, slice, Some(Content::sample(asset.output.kind, n)?), when).await
    }

    /// Refuses if something else is stored.
    pub(super) async fn expect(&self, asset: &AssetSpec, slice: &Slice, wanted: Option<Content>, when: &str) -> Verdict {
        let found = self.get(asset, slice).await?;
        let wanted = wanted.map(Content::sorted);
        if found == wanted {
            return Ok(());
        }
        let shown = |content: &Option<Content>| content.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        let (kind, key) = (asset.output.kind, &asset.key);
        let message = format!(
            "{when}, {slice} of `{key}`, which is {kind}, has to read back as\n    {}\nand read back as\n    {}",
            shown(&wanted),
            shown(&found)
        );
        Err(Breach::new(message))
    }

    pub(super) async fn describe(&self, asset: &AssetSpec, slice: &Slice) -> Result<Description> {
        self.store.describe(self.read(asset, slice)).await
    }

    /// What became of a commit.
    pub(super) async fn state(&self, asset: &AssetSpec, slice: &Slice, number: i64) -> Verdict<CommitState> {
        let states = self.store.committed(self.request(asset, slice), &[id(asset, slice, number)]).await?;
        match states[..] {
            [state] => Ok(state),
            _ => Err(Breach::new(format!("`committed` was asked for one commit and answered for {}", states.len()))),
        }
    }

    /// Which partitions of these are there, as texts.
    pub(super) async fn present(&self, asset: &AssetSpec, keys: &KeySet) -> Verdict<Vec<String>> {
        let slice = keys.slice();
        match self.store.present(self.read(asset, &slice)).await? {
            Present::Keys(keys) => Ok(keys.keys().map(|key| key.to_string()).collect()),
            Present::Whole(_) => Err(Breach::new("`present` was asked for partitions and answered for the whole")),
        }
    }

    /// A lakehouse of these assets in this store.
    pub(super) fn lakehouse(&self, assets: impl IntoIterator<Item = AssetSpec>) -> LakehouseBuilder {
        Lakehouse::builder()
            .root(self.place.root().join("log"))
            .registry(Registry::from_specs(assets))
            .io_manager("io_manager", SharedIoManager(Arc::clone(&self.store)))
    }

    /// The keys there are of a definition.
    pub(super) fn space(&self, def: &PartitionsDef) -> Verdict<KeySpace> {
        Ok(def.space(self.env.now(), &BTreeMap::new())?)
    }
}

/// The identity of a commit by hand.
pub(super) fn id(asset: &AssetSpec, slice: &Slice, number: i64) -> CommitId {
    CommitId::new(LOG, &asset.key, slice, number)
}

/// An asset of which nothing but its key is said.
pub(super) fn plain(key: &str, kind: ValueKind) -> Verdict<AssetSpec> {
    by_hand(AssetBuilder::new(key, kind))
}

/// An asset that is driven by hand.
pub(super) fn by_hand(builder: AssetBuilder) -> Verdict<AssetSpec> {
    Ok(builder.body(|_| async { Ok(Produced::nothing()) })?)
}

/// An asset that produces the `n`th sample.
pub(super) fn producing(builder: AssetBuilder, kind: ValueKind, n: i64) -> Verdict<AssetSpec> {
    Ok(builder.body(move |_| async move {
        let value = sample(kind, n).map_err(|breach| crate::Error::new(crate::ErrorKind::Internal, breach.to_string()))?;
        Ok(Produced::value(value))
    })?)
}

/// Refuses a run in which a step failed.
pub(super) fn succeeded(report: &RunReport) -> Verdict {
    let failures: Vec<String> =
        report.failures().map(|(_, failure)| format!("{} {}", failure.message, failure.causes.join(": "))).collect();
    ensure!(failures.is_empty(), "a run failed that should not have: {}", failures.join("; "));
    Ok(())
}

/// A set of keys by their texts.
pub(super) fn keys(space: &KeySpace, texts: &[&str]) -> Verdict<KeySet> {
    let mut set = space.none();
    for text in texts {
        set.insert(space.parse(text)?);
    }
    Ok(set)
}
