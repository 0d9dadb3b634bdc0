//! The assets as a test runs them: all in memory, and only those computed that are selected and not injected.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::asset::{AssetSpec, InputSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::key::AssetKey;
use crate::lakehouse::BuildError;
use crate::registry::Registry;
use crate::select::select;

/// The key of the one store.
pub(super) const STORE: &str = "memory";

/// The graph of a registry.
pub(super) fn graph(registry: &Registry) -> Result<Graph> {
    Graph::new(registry).map_err(|errors| BuildError::new(errors).into())
}

/// The asset with this key, or the only one with this name.
pub(super) fn find<'g>(graph: &'g Graph, name: &str) -> Result<&'g Arc<AssetSpec>> {
    if let Some(asset) = graph.assets().find(|asset| asset.key.to_string() == name) {
        return Ok(asset);
    }
    let named: Vec<usize> = select(name, graph)?.into_iter().collect();
    match named[..] {
        [place] => Ok(graph.asset(place)),
        _ => Err(Error::new(ErrorKind::Selection, format!("`{name}` names {} assets, and one is meant", named.len()))),
    }
}

/// The assets for a run of a selection: those that do not run keep their place in the graph and ask for nothing.
pub(super) fn prepared(registry: &Registry, injected: &BTreeSet<AssetKey>, selection: &str) -> Result<Registry> {
    let mut assets: Vec<AssetSpec> = registry.assets().map(|asset| in_memory(asset, injected)).collect();
    let graph = graph(&Registry::from_specs(assets.clone()))?;
    let selected = select(selection, &graph)?;
    let run: Vec<&AssetSpec> = selected.iter().map(|place| &**graph.asset(*place)).filter(|asset| !asset.is_external()).collect();
    if run.is_empty() {
        let message =
            format!("nothing of `{selection}` is run: an asset with an injected value is not, and neither is an external one");
        return Err(Error::new(ErrorKind::Selection, message).help("select what is made from it"));
    }
    let run: BTreeSet<&AssetKey> = run.into_iter().map(|asset| &asset.key).collect();
    check_inputs(&graph, &run, injected)?;
    assets.iter_mut().filter(|asset| !run.contains(&asset.key)).for_each(not_run);
    Ok(Registry::from_specs(assets))
}

/// An asset in the store of the test. What is said of other stores says nothing here, and whatever the mode, there is nothing yet.
fn in_memory(asset: &AssetSpec, injected: &BTreeSet<AssetKey>) -> AssetSpec {
    let mut asset = asset.clone();
    asset.io_manager = Some(STORE.to_owned());
    asset.mode = None;
    asset.store_options.clear();
    asset.inputs.iter_mut().for_each(|input| input.version = None);
    if injected.contains(&asset.key) {
        // It needs nothing, so that a selection of everything upstream ends here.
        asset.inputs.clear();
        not_run(&mut asset);
    }
    asset
}

/// The asset as one of which nothing runs: it asks for nothing, and what it says of how it is run would be refused. One that somebody else
/// writes is left as it is said, so that its mistakes are found.
fn not_run(asset: &mut AssetSpec) {
    if asset.body.take().is_none() {
        return;
    }
    asset.resources.clear();
    (asset.retries, asset.retry_delay, asset.retry_any) = (None, None, false);
    (asset.timeout, asset.pool, asset.priority, asset.memory) = (None, None, 0, None);
}

/// Refuses a run of assets of whose inputs nobody says where they come from.
fn check_inputs(graph: &Graph, run: &BTreeSet<&AssetKey>, injected: &BTreeSet<AssetKey>) -> Result<()> {
    let mut needed: BTreeSet<&AssetKey> = BTreeSet::new();
    let mut sentences = Vec::new();
    let mut places = Vec::new();
    for asset in graph.assets().filter(|asset| run.contains(&asset.key)) {
        let unknown =
            |input: &&InputSpec| !input.order_only && !run.contains(&input.upstream) && !injected.contains(&input.upstream);
        let missing: BTreeSet<&AssetKey> = asset.inputs.iter().filter(unknown).map(|input| &input.upstream).collect();
        if missing.is_empty() {
            continue;
        }
        let names: Vec<String> = missing.iter().map(|key| format!("`{key}`")).collect();
        let are = if names.len() == 1 { "which is" } else { "which are" };
        sentences.push(format!("`{}` is made from {}, {are} neither injected nor selected", asset.key, names.join(" and ")));
        places.push(asset.source.to_string());
        needed.extend(missing);
    }
    if sentences.is_empty() {
        return Ok(());
    }
    let external = |key: &AssetKey| graph.get(key).is_some_and(|asset| asset.is_external());
    let partitioned = |key: &AssetKey| graph.get(key).is_some_and(|asset| asset.partitions.is_some());
    let partition = |key: &AssetKey| if partitioned(key) { "_partition" } else { "" };
    let inject: Vec<String> = needed.iter().map(|key| format!("`.with{}(\"{key}\", …)`", partition(key))).collect();
    let mut help = format!("inject {}", inject.join(" and "));
    let selectable: Vec<String> = needed.iter().filter(|key| !external(key)).map(|key| format!("`{key}`")).collect();
    if !selectable.is_empty() {
        help = format!("{help}, or select {} too", selectable.join(" and "));
    }
    Err(Error::new(ErrorKind::Missing, sentences.join("; ")).with("at", places.join(" and ")).help(help))
}
