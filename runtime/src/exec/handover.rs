//! Values that a run has just stored, kept for the steps that read them, within a budget.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::asset::ValueKind;
use crate::commit::CommitId;
use crate::exec::plan::Plan;
use crate::frame::StoredRows;
use crate::graph::Graph;
use crate::key::AssetKey;
use crate::slice::Slice;

/// What is handed from step to step in memory. Only what is stored already is in it, and only what its store would give back row for
/// row, so that a run of everything and a run of one asset never differ.
pub(crate) struct HandOver {
    budget: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// How many steps that read an asset are still to come.
    readers: HashMap<AssetKey, usize>,
    kept: HashMap<AssetKey, Kept>,
    used: u64,
}

#[derive(Clone)]
pub(crate) struct Kept {
    slice: Slice,
    /// What stored it, by which somebody else's commit after it is noticed.
    pub(crate) commit: CommitId,
    pub(crate) version: Option<i64>,
    pub(crate) rows: Arc<dyn StoredRows>,
    pub(crate) bytes: u64,
}

impl HandOver {
    /// Nothing yet, and never more than this many bytes.
    pub(crate) fn new(plan: &Plan, graph: &Graph, budget: u64) -> Self {
        let mut readers: HashMap<AssetKey, usize> = HashMap::new();
        let any = budget > 0 && graph.assets().any(|asset| asset.output.kind == ValueKind::Table);
        for step in plan.steps.iter().filter(|_| any) {
            for upstream in read_by(graph, &step.assets[0].key) {
                *readers.entry(upstream).or_default() += 1;
            }
        }
        Self { budget, inner: Mutex::new(Inner { readers, ..Inner::default() }) }
    }

    /// Nothing, ever.
    pub(crate) fn none() -> Self {
        Self { budget: 0, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is worth keeping that many bytes of an asset at hand.
    pub(crate) fn wants(&self, asset: &AssetKey, bytes: u64) -> bool {
        let inner = self.inner();
        let replaced = inner.kept.get(asset).map_or(0, |kept| kept.bytes);
        inner.readers.get(asset).is_some_and(|left| *left > 0) && inner.used - replaced + bytes <= self.budget
    }

    /// Keeps what was just stored.
    pub(crate) fn put(&self, commit: CommitId, version: Option<i64>, slice: &Slice, rows: Arc<dyn StoredRows>) {
        let (bytes, asset) = (rows.bytes(), commit.asset.clone());
        let mut inner = self.inner();
        inner.drop_kept(&asset);
        if inner.used + bytes <= self.budget {
            inner.used += bytes;
            inner.kept.insert(asset, Kept { slice: slice.clone(), commit, version, rows, bytes });
        }
    }

    /// What was stored for exactly this slice.
    pub(crate) fn get(&self, asset: &AssetKey, slice: &Slice) -> Option<Kept> {
        self.inner().kept.get(asset).filter(|kept| kept.slice == *slice).cloned()
    }

    /// A newer version of the asset is about to be visible.
    pub(crate) fn forget(&self, asset: &AssetKey) {
        self.inner().drop_kept(asset);
    }

    /// A step of this asset will read nothing more; what nobody else reads is let go.
    pub(crate) fn done(&self, graph: &Graph, asset: &AssetKey) {
        let mut inner = self.inner();
        if inner.readers.is_empty() {
            return;
        }
        for upstream in read_by(graph, asset) {
            let left = inner.readers.entry(upstream.clone()).or_default();
            *left = left.saturating_sub(1);
            if *left == 0 {
                inner.drop_kept(&upstream);
            }
        }
    }
}

impl Inner {
    fn drop_kept(&mut self, asset: &AssetKey) {
        if let Some(kept) = self.kept.remove(asset) {
            self.used -= kept.bytes;
        }
    }
}

/// The assets whose tables a step of this asset loads; nothing else is kept.
fn read_by(graph: &Graph, asset: &AssetKey) -> Vec<AssetKey> {
    let is_table = |key: &AssetKey| graph.get(key).is_some_and(|asset| asset.output.kind == ValueKind::Table);
    let inputs = graph.get(asset).map(|asset| asset.inputs.iter().filter(|input| !input.order_only));
    let upstream = inputs.into_iter().flatten().map(|input| &input.upstream);
    let mut keys: Vec<AssetKey> = upstream.filter(|upstream| is_table(upstream)).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
