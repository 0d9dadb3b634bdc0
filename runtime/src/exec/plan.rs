//! What a run will do, as data that can be shown, stored and sent. Does no IO.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::choice::PartitionChoice;
use crate::asset::{AssetSpec, InputSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::event::StepSummary;
use crate::graph::Graph;
use crate::key::AssetKey;
use crate::partition::{DimensionDef, KeySet, KeySpace, Mapping, PartitionsDef};
use crate::slice::Slice;

/// The version of [`Plan`] and [`StepSpec`].
const PLAN_VERSION: u32 = 1;

/// The steps of a run, each after every step it waits for.
///
/// ```
/// use lakewright::prelude::*;
///
/// #[asset(io_manager = "memory")]
/// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
///
/// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
/// let plan = lakehouse.plan("numbers")?;
/// assert_eq!(plan.steps.len(), 1);
/// assert!(serde_json::to_string(&plan).unwrap().contains("fingerprint"));
/// # Ok::<(), lakewright::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form.
    pub v: u32,
    /// The moment it was made: which windows of time are over, for instance, is as it was then.
    pub at: Timestamp,
    /// The steps, by number.
    pub steps: Vec<StepSpec>,
    /// Whether a step is left out if nothing that it is made from has changed when it is about to begin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

/// One call that produces one or more asset slices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// The version of this form.
    pub v: u32,
    /// Its number in the plan.
    pub number: usize,
    /// What it produces. The first asset is the one whose body is called.
    pub assets: Vec<StepAsset>,
    /// The numbers of the steps that have to succeed first. Those of one asset wait for each other, so only the last is named.
    pub after: Vec<usize>,
    /// Identifies the definitions it was planned from; a program with others refuses it.
    pub fingerprint: String,
}

/// A slice of an asset that a step produces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepAsset {
    /// The asset.
    pub key: AssetKey,
    /// The part of it.
    pub slice: Slice,
    /// The number of its commit, once the run has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
}

/// What is known of partitions when a run is planned.
pub(crate) struct Partitioning<'a> {
    /// The moment.
    pub(crate) at: Timestamp,
    pub(crate) choice: &'a PartitionChoice,
    /// The keys there are for each partitioned asset of the selection.
    pub(crate) spaces: BTreeMap<usize, KeySpace>,
    /// The partitions of each of them that are recorded with the status that the choice asks for partitions by, if it does.
    pub(crate) recorded: BTreeMap<usize, KeySet>,
}

impl Plan {
    /// A step for each of these assets that is not external, or several where a partition is made from an earlier one.
    ///
    /// # Errors
    /// If only external assets were selected, or it is not said, or not sensibly, for which partitions the run is.
    pub(crate) fn new(graph: &Graph, selected: &BTreeSet<usize>, partitioning: &Partitioning<'_>) -> Result<Self> {
        let sets = Self::sets(graph, selected, partitioning)?;
        Ok(Self::of_sets(graph, selected, &sets, partitioning.at))
    }

    /// The partitions of each partitioned asset that a run makes.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub(crate) fn sets(
        graph: &Graph,
        selected: &BTreeSet<usize>,
        partitioning: &Partitioning<'_>,
    ) -> Result<BTreeMap<usize, KeySet>> {
        if selected.is_empty() {
            return Err(Error::new(ErrorKind::Selection, "nothing is selected").help("`list` shows what a selection names"));
        }
        let run = made(graph, selected);
        if let (true, Some(first)) = (run.is_empty(), selected.first()) {
            let asset = graph.asset(*first);
            let error = Error::new(ErrorKind::External, format!("`{}` is external: somebody else writes it", asset.key));
            return Err(error.with("at", asset.source).help("materialize what is made from it: `KEY+`"));
        }
        partition_sets(graph, &run, partitioning)
    }

    /// The steps that make these partitions of the selected assets.
    pub(crate) fn of_sets(graph: &Graph, selected: &BTreeSet<usize>, sets: &BTreeMap<usize, KeySet>, at: Timestamp) -> Self {
        let mut steps: Vec<StepSpec> = Vec::new();
        // Each step of an asset waits for the one before, and so for all that the first waits for.
        let mut last_of: BTreeMap<usize, usize> = BTreeMap::new();
        for place in made(graph, selected) {
            let asset = graph.asset(place);
            let nearest = nearest_selected(graph, place, selected);
            let mut after: Vec<usize> = nearest.iter().filter_map(|place| last_of.get(place)).copied().collect();
            after.sort_unstable();
            for slice in slices(asset, sets.get(&place)) {
                let number = steps.len();
                steps.push(StepSpec {
                    v: PLAN_VERSION,
                    number,
                    assets: vec![StepAsset { key: asset.key.clone(), slice, number: None }],
                    after: std::mem::replace(&mut after, vec![number]),
                    fingerprint: graph.fingerprint().to_owned(),
                });
                last_of.insert(place, number);
            }
        }
        Self { v: PLAN_VERSION, at, steps, changed: false }
    }

    /// The dimensions, by name, in which an input from the asset itself goes back: all that it takes is earlier in them.
    pub(crate) fn goes_back<'a>(input: &'a InputSpec, def: &'a PartitionsDef) -> Vec<&'a str> {
        let is_earlier = |mapping: &Mapping| matches!(mapping, Mapping::Offset { end, .. } if *end < 0);
        match &input.mapping {
            Some(Mapping::Dimensions(named)) => {
                named.iter().filter(|(_, mapping)| is_earlier(mapping)).map(|(name, _)| name.as_str()).collect()
            }
            Some(mapping) if is_earlier(mapping) => {
                let times = def.dimensions().iter().filter(|one| matches!(one.def, DimensionDef::Time(_)));
                times.map(|one| one.name.as_str()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The dimension, by name, in whose order the partitions of an asset are made; nothing if none is made from an earlier one.
    pub(crate) fn made_along(asset: &AssetSpec) -> Option<&str> {
        let def = asset.partitions.as_ref()?;
        let mut previous = asset.inputs.iter().filter(|input| input.previous);
        previous.find_map(|input| Self::goes_back(input, def).first().copied())
    }

    /// Whether the plan can be run with these definitions: it may come from a file, or from another program.
    pub(crate) fn check(&self, graph: &Graph) -> Result<()> {
        let refuse = |message: &str| Err(Error::new(ErrorKind::Fingerprint, message).help("plan it again with this program"));
        if self.v > PLAN_VERSION || self.steps.iter().any(|step| step.v > PLAN_VERSION) {
            return refuse("the plan has a version that this program does not know");
        }
        for (number, step) in self.steps.iter().enumerate() {
            if step.fingerprint != graph.fingerprint() {
                return refuse("the plan was made from other definitions than this program has");
            }
            let fits = |asset: &StepAsset| {
                graph.get(&asset.key).is_some_and(|spec| spec.partitions.is_some() == (asset.slice != Slice::Whole))
            };
            let known = step.assets.iter().all(fits);
            if step.number != number || step.assets.is_empty() || !known || step.after.iter().any(|before| *before >= number) {
                return refuse("the plan is damaged");
            }
        }
        Ok(())
    }

    /// The plan of a run, from its first event.
    pub(crate) fn of_run(steps: &[StepSummary], fingerprint: &str, at: Timestamp, numbers: &[Vec<i64>]) -> Self {
        let step = |(number, summary): (usize, &StepSummary)| StepSpec {
            v: PLAN_VERSION,
            number,
            assets: summary
                .assets
                .iter()
                .zip(&summary.slices)
                .enumerate()
                .map(|(place, (key, slice))| StepAsset {
                    key: key.clone(),
                    slice: slice.clone(),
                    number: numbers.get(number).and_then(|numbers| numbers.get(place)).copied(),
                })
                .collect(),
            after: summary.after.clone(),
            fingerprint: fingerprint.to_owned(),
        };
        Self { v: PLAN_VERSION, at, steps: steps.iter().enumerate().map(step).collect(), changed: false }
    }

    /// The steps as an event shows them.
    #[must_use]
    pub fn summary(&self) -> Vec<StepSummary> {
        let summary = |step: &StepSpec| StepSummary {
            assets: step.assets.iter().map(|asset| asset.key.clone()).collect(),
            slices: step.assets.iter().map(|asset| asset.slice.clone()).collect(),
            after: step.after.clone(),
        };
        self.steps.iter().map(summary).collect()
    }
}

/// Those that somebody else does not write.
fn made(graph: &Graph, selected: &BTreeSet<usize>) -> Vec<usize> {
    selected.iter().copied().filter(|place| !graph.asset(*place).is_external()).collect()
}

/// The partitions of each partitioned asset of a run: chosen for those without a partitioned upstream in it, and for the others what
/// those feed.
fn partition_sets(graph: &Graph, run: &[usize], partitioning: &Partitioning<'_>) -> Result<BTreeMap<usize, KeySet>> {
    let space = |place: usize| {
        let missing = || Error::new(ErrorKind::Internal, format!("the keys of `{}` were not looked up", graph.asset(place).key));
        partitioning.spaces.get(&place).ok_or_else(missing)
    };
    let partitioned: Vec<usize> = run.iter().copied().filter(|place| graph.asset(*place).partitions.is_some()).collect();
    let (roots, fed): (Vec<usize>, Vec<usize>) =
        partitioned.iter().copied().partition(|place| partitioned_inputs(graph, *place, &partitioned).next().is_none());
    if let (Some(first), true) = (roots.first(), partitioning.choice.is_none()) {
        return Err(not_chosen(graph.asset(*first)));
    }
    let mut asked = Vec::with_capacity(roots.len());
    for place in &roots {
        asked.push((graph.asset(*place).key.to_string(), space(*place)?, partitioning.recorded.get(place)));
    }
    if roots.is_empty() && !partitioning.choice.is_none() && !partitioning.choice.is_general() {
        let message = "no asset of the run is partitioned";
        return Err(Error::new(ErrorKind::PartitionKey, message).help("leave the partitions out, or select other assets"));
    }
    let mut sets: BTreeMap<usize, KeySet> = roots.iter().copied().zip(partitioning.choice.resolve(&asked)?).collect();
    // Partitions of other dimensions say nothing of it, and it would be left out without a word.
    if let Some(unasked) = roots.iter().find(|place| !partitioning.choice.is_general() && sets[place].is_empty()) {
        return Err(not_chosen(graph.asset(*unasked)));
    }
    for place in fed {
        let asset = graph.asset(place);
        let own = space(place)?;
        let mut set = own.none();
        for (upstream, mapping) in partitioned_inputs(graph, place, &partitioned) {
            let Some(from) = sets.get(&upstream) else { continue };
            let feeds = mapping.and_then(|mapping| mapping.downstream(Some(from), own));
            set = set.union(&feeds.map_err(|error| error.with("asset", format!("`{}`", asset.key)).with("at", asset.source))?);
        }
        sets.insert(place, set.union(&partitioning.choice.by_record(own, partitioning.recorded.get(&place))?));
    }
    Ok(sets)
}

/// The partitioned assets of the run that an asset loads, with how.
fn partitioned_inputs<'a>(
    graph: &'a Graph,
    place: usize,
    partitioned: &'a [usize],
) -> impl Iterator<Item = (usize, Result<Mapping>)> + 'a {
    let asset = graph.asset(place);
    asset.inputs.iter().filter(|input| !input.order_only && !input.previous).filter_map(move |input| {
        let upstream = graph.place(&input.upstream).filter(|upstream| partitioned.contains(upstream))?;
        Some((upstream, mapping_of(input, graph.asset(upstream), asset)))
    })
}

/// Which partitions of an upstream an input gets, whoever says so.
pub(crate) fn mapping_of(input: &InputSpec, upstream: &AssetSpec, asset: &AssetSpec) -> Result<Mapping> {
    match &input.mapping {
        Some(mapping) => Ok(mapping.clone()),
        None => Mapping::default_for(upstream.partitions.as_ref(), asset.partitions.as_ref()),
    }
}

fn not_chosen(asset: &AssetSpec) -> Error {
    let name = asset.partitions.as_ref().map_or("", |def| def.name());
    let message = format!("`{}` is partitioned by `{name}`, and it is not said for which partitions the run is", asset.key);
    let help = format!(
        "add `--partition KEY`, `--partitions FIRST..LAST`, `--missing`, `--failed` or `--all-partitions`; `partitions list {}` shows the keys",
        asset.key
    );
    Error::new(ErrorKind::PartitionKey, message).with("at", asset.source).help(help)
}

/// The slices of an asset in the order in which they are made: where a partition is made from an earlier one, one for each key
/// of the dimension that it is earlier in, and otherwise one for all. An asset without anything to do has none.
fn slices(asset: &AssetSpec, set: Option<&KeySet>) -> Vec<Slice> {
    let Some(set) = set else { return vec![Slice::Whole] };
    if set.is_empty() {
        return Vec::new();
    }
    let along = Plan::made_along(asset);
    match along.and_then(|name| set.space().axes().iter().position(|axis| **axis.name() == *name)) {
        Some(axis) => set.split(axis).into_iter().map(|(_, set)| set.slice()).collect(),
        None => vec![set.slice()],
    }
}

/// The selected assets that are upstream with none selected in between: an asset that is not part of the run still orders those
/// around it, so that a run of `a or c` of a chain does what a run of the whole chain would.
pub(crate) fn nearest_selected<'a>(graph: &'a Graph, place: usize, selected: &BTreeSet<usize>) -> Cow<'a, BTreeSet<usize>> {
    let runs = |place: &usize| selected.contains(place) && !graph.asset(*place).is_external();
    let direct = graph.upstream(place);
    // Mostly that is all there is to look at.
    if direct.iter().all(runs) {
        return Cow::Borrowed(direct);
    }
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut next: Vec<usize> = direct.iter().copied().collect();
    while let Some(place) = next.pop() {
        if seen.insert(place) {
            if runs(&place) {
                found.insert(place);
            } else {
                next.extend(graph.upstream(place));
            }
        }
    }
    Cow::Owned(found)
}
