//! Which asset is made from which, in an order that runs. Does no IO.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::key::AssetKey;
use crate::registry::Registry;

/// The assets of a registry as a graph without cycles, in topological order.
///
/// ```
/// use lakewright::prelude::*;
/// use lakewright::Graph;
///
/// #[asset]
/// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
///
/// #[asset]
/// fn a_total(numbers: Vec<i64>) -> i64 { numbers.iter().sum() }
///
/// let graph = Graph::new(&Registry::of(assets![a_total])).map_err(|errors| errors.into_iter().next().unwrap())?;
/// let keys: Vec<_> = graph.assets().map(|asset| asset.key.to_string()).collect();
/// assert_eq!(keys, ["numbers", "a_total"]);
/// # Ok::<(), lakewright::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Graph {
    assets: Vec<Arc<AssetSpec>>,
    index: HashMap<AssetKey, usize>,
    upstream: Vec<BTreeSet<usize>>,
    downstream: Vec<BTreeSet<usize>>,
    /// Made when it is first asked for: not everything that needs the graph needs it.
    fingerprint: OnceLock<String>,
}

impl Graph {
    /// The graph of a registry.
    ///
    /// # Errors
    /// Everything that is wrong with it at once: duplicate keys, unknown upstreams, cycles.
    pub fn new(registry: &Registry) -> Result<Self, Vec<Error>> {
        let mut errors = registry.errors();
        let assets = registry.assets().len();
        let mut graph: DiGraph<&Arc<AssetSpec>, ()> = DiGraph::with_capacity(assets, assets);
        let mut nodes: HashMap<AssetKey, usize> = HashMap::with_capacity(assets);
        // The first of several with one key; the registry has already said that there are several.
        let own: Vec<usize> = registry
            .assets()
            .map(|asset| *nodes.entry(asset.key.clone()).or_insert_with(|| graph.add_node(asset).index()))
            .collect();
        for (asset, node) in registry.assets().zip(own) {
            // An earlier partition of the asset itself is no cycle.
            for input in asset.inputs.iter().filter(|input| !(input.previous && input.upstream == asset.key)) {
                match nodes.get(&input.upstream) {
                    Some(upstream) => {
                        graph.update_edge(NodeIndex::new(*upstream), NodeIndex::new(node), ());
                    }
                    None => errors.push(unknown_upstream(asset, &input.upstream, registry)),
                }
            }
        }
        let order = toposort(&graph, None);
        if order.is_err() {
            let is_cycle = |component: &Vec<_>| component.len() > 1 || graph.contains_edge(component[0], component[0]);
            errors.extend(
                tarjan_scc(&graph).iter().filter(|component| is_cycle(component)).map(|component| cycle(&graph, component)),
            );
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let order = order.map_err(|_| vec![Error::new(ErrorKind::Internal, "a cycle that has no component")])?;
        Ok(Self::ordered(&graph, &order, nodes))
    }

    fn ordered(graph: &DiGraph<&Arc<AssetSpec>, ()>, order: &[NodeIndex], mut index: HashMap<AssetKey, usize>) -> Self {
        let mut places = vec![0; order.len()];
        for (place, node) in order.iter().enumerate() {
            places[node.index()] = place;
        }
        let neighbours = |direction| -> Vec<BTreeSet<usize>> {
            order
                .iter()
                .map(|node| graph.neighbors_directed(*node, direction).map(|node| places[node.index()]).collect())
                .collect()
        };
        let assets: Vec<_> = order.iter().map(|node| Arc::clone(graph[*node])).collect();
        // Of the nodes, places are made where they are: nothing is hashed again.
        for place in index.values_mut() {
            *place = places[*place];
        }
        Self {
            index,
            upstream: neighbours(petgraph::Direction::Incoming),
            downstream: neighbours(petgraph::Direction::Outgoing),
            fingerprint: OnceLock::new(),
            assets,
        }
    }

    /// The assets, each after everything it is made from.
    #[must_use]
    pub fn assets(&self) -> impl ExactSizeIterator<Item = &Arc<AssetSpec>> {
        self.assets.iter()
    }

    /// The asset at a place in the order.
    ///
    /// # Panics
    /// If there is no such place.
    #[must_use]
    pub fn asset(&self, place: usize) -> &Arc<AssetSpec> {
        &self.assets[place]
    }

    /// The place of an asset in the order.
    #[must_use]
    pub fn place(&self, key: &AssetKey) -> Option<usize> {
        self.index.get(key).copied()
    }

    /// The asset with this key.
    #[must_use]
    pub fn get(&self, key: &AssetKey) -> Option<&Arc<AssetSpec>> {
        self.place(key).map(|place| &self.assets[place])
    }

    /// What an asset is made from, directly.
    ///
    /// # Panics
    /// If there is no such place.
    #[must_use]
    pub fn upstream(&self, place: usize) -> &BTreeSet<usize> {
        &self.upstream[place]
    }

    /// What is made from an asset, directly.
    ///
    /// # Panics
    /// If there is no such place.
    #[must_use]
    pub fn downstream(&self, place: usize) -> &BTreeSet<usize> {
        &self.downstream[place]
    }

    /// These assets and what is up to `depth` edges upstream of them.
    #[must_use]
    pub fn ancestors(&self, places: &BTreeSet<usize>, depth: usize) -> BTreeSet<usize> {
        within(&self.upstream, places, depth)
    }

    /// These assets and what is up to `depth` edges downstream of them.
    #[must_use]
    pub fn descendants(&self, places: &BTreeSet<usize>, depth: usize) -> BTreeSet<usize> {
        within(&self.downstream, places, depth)
    }

    /// Identifies the definitions: two binaries with the same assets have the same, and a plan is only run by its own.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        self.fingerprint.get_or_init(|| fingerprint(&self.assets))
    }
}

fn within(edges: &[BTreeSet<usize>], from: &BTreeSet<usize>, depth: usize) -> BTreeSet<usize> {
    let mut reached = from.clone();
    let mut frontier: VecDeque<(usize, usize)> = from.iter().map(|place| (*place, 0)).collect();
    while let Some((place, distance)) = frontier.pop_front() {
        if distance < depth {
            frontier.extend(edges[place].iter().filter(|next| reached.insert(**next)).map(|next| (*next, distance + 1)));
        }
    }
    reached
}

fn unknown_upstream(asset: &AssetSpec, upstream: &AssetKey, registry: &Registry) -> Error {
    let keys: Vec<String> = registry.assets().map(|asset| asset.key.to_string()).collect();
    let error =
        Error::new(ErrorKind::UnknownUpstream, format!("`{}` is made from `{upstream}`, which is not registered", asset.key));
    let error = error.with("at", asset.source);
    match nearest(&upstream.to_string(), keys.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("register it, or declare it with `#[external_asset]` if somebody else writes it"),
    }
}

/// One error for all assets that need each other, with a shortest cycle through the first of them.
fn cycle(graph: &DiGraph<&Arc<AssetSpec>, ()>, component: &[NodeIndex]) -> Error {
    let start = component.iter().copied().min().unwrap_or(component[0]);
    let mut came_from: HashMap<NodeIndex, NodeIndex> = HashMap::new();
    let mut frontier = VecDeque::from([start]);
    while let Some(node) = frontier.pop_front().filter(|_| !came_from.contains_key(&start)) {
        let mut needed: Vec<_> = graph.neighbors_directed(node, petgraph::Direction::Incoming).collect();
        needed.sort_unstable();
        for next in needed.into_iter().filter(|next| component.contains(next)) {
            came_from.entry(next).or_insert_with(|| {
                frontier.push_back(next);
                node
            });
        }
    }
    let mut path = vec![start];
    let mut at = came_from.get(&start).copied();
    while let Some(node) = at {
        path.push(node);
        at = came_from.get(&node).copied().filter(|_| node != start);
    }
    path.reverse();
    let names: Vec<_> = path.iter().map(|node| format!("`{}`", graph[*node].key)).collect();
    let mut places: Vec<_> = component.iter().map(|node| graph[*node].source).collect();
    places.sort_unstable();
    let places: Vec<_> = places.iter().map(ToString::to_string).collect();
    Error::new(ErrorKind::Cycle, format!("assets are made from each other: {}", names.join(" needs ")))
        .with("at", places.join(" and "))
        .help("break the cycle: an asset cannot need itself, not even through others")
}

fn fingerprint(assets: &[Arc<AssetSpec>]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut sorted: Vec<_> = assets.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    // One text that is used again, since a program may have ten thousand assets and is to begin at once.
    let mut parts = String::new();
    for asset in sorted {
        parts.clear();
        let _ = writeln!(
            parts,
            "{}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}",
            asset.key,
            asset.io_manager,
            asset.schema,
            asset.partitions,
            asset.partition_expr,
            asset.partition_by,
            asset.calls,
            asset.mode,
            asset.store_options,
            asset.code_version,
            asset.output,
            asset.inputs
        );
        hasher.update(parts.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
