//! What the runs of a backfill are: decided once.
//!
//! Assets that have the same partitions, each made from the same one of its upstream, are made together, run by run. Where an asset
//! needs several partitions of another, or has none, it is made in a later stage: else each of thirty days would make its month, and
//! all but the last from days that are not there yet.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{BACKFILL_VERSION, Backfill, BackfillAsset, BackfillGroup, BackfillOptions, PARALLEL, PlannedRun, RunCut};
use crate::asset::{AssetSpec, InputSpec};
use crate::env::unique_id;
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::exec::{PartitionChoice, Partitioning, Plan, mapping_of, nearest_selected};
use crate::graph::Graph;
use crate::lakehouse::Lakehouse;
use crate::partition::{KeySet, KeySpace, Mapping, PartitionsDef};
use crate::slice::Slice;

impl Lakehouse {
    /// What a backfill of a [selection](crate::select) would do: its runs are exactly these, whenever they begin.
    ///
    /// ```
    /// use lakewright::exec::{Interrupt, PartitionChoice};
    /// use lakewright::prelude::*;
    /// use lakewright::BackfillOptions;
    ///
    /// #[partitions(daily, start = "2023-01-01")]
    /// struct Day;
    ///
    /// #[asset(io_manager = "memory", partitions = Day)]
    /// fn weekday(day: Partition<Day>) -> String { format!("{:?}", day.value().weekday()) }
    ///
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![weekday])).build()?;
    /// let days = PartitionChoice::none().range("2023-01-02", "2023-01-08");
    /// let backfill = lakehouse.plan_backfill("weekday", &days, &BackfillOptions::new().parallel(2))?;
    /// assert_eq!((backfill.run_count(), backfill.partition_count()), (7, 7));
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let status = lakehouse.start_backfill(&backfill, Interrupt::new()).await?;
    /// assert!(status.is_success());
    /// # Ok::<(), lakewright::Error>(()) })?;
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Lakehouse::plan_for`], or if no asset has the dimension that it is to be cut by, or a run would need what a later
    /// one makes.
    pub fn plan_backfill(&self, selection: &str, choice: &PartitionChoice, options: &BackfillOptions) -> Result<Backfill> {
        let parallel = options.parallel.unwrap_or(PARALLEL);
        if parallel == 0 {
            return Err(Error::new(ErrorKind::Selection, "no run of a backfill could ever begin with a parallelism of 0"));
        }
        let selected = self.places(selection)?;
        let (at, spaces, recorded) = self.chosen_from(&selected, choice)?;
        let sets = Plan::sets(self.graph(), &selected, &Partitioning { at, choice, spaces, recorded })?;
        Ok(Backfill {
            v: BACKFILL_VERSION,
            id: unique_id(self.workshop.env.as_ref()),
            at,
            selection: selection.to_owned(),
            choice: choice.to_string(),
            cut: options.cut.clone(),
            parallel,
            tags: options.tags.clone(),
            fingerprint: self.graph().fingerprint().to_owned(),
            groups: groups(self.graph(), &selected, &sets, &options.cut)?,
            canceled: false,
            done: None,
        })
    }

    /// What a run of a backfill does, by its number.
    ///
    /// # Errors
    /// If there is no such run, or the backfill was made from other definitions.
    pub fn plan_of_backfill(&self, backfill: &Backfill, number: usize) -> Result<Plan> {
        self.check_backfill(backfill)?;
        let (_, group, run) = backfill
            .runs()
            .find(|(known, ..)| *known == number)
            .ok_or_else(|| Error::new(ErrorKind::Selection, format!("the backfill `{}` has no run {number}", backfill.id)))?;
        self.plan_of_run(backfill, &self.targets(group)?, run)
    }

    /// The assets of a group, by place, with all the partitions that its runs make. They need not exist any more; the step says so.
    pub(super) fn targets(&self, group: &BackfillGroup) -> Result<Vec<Target>> {
        group.assets.iter().map(|asset| self.target_of(asset)).collect()
    }

    /// One asset of a group, by place, with all the partitions that its runs make.
    ///
    /// # Errors
    /// If the definitions are others by now, and have no such asset, or not with such partitions.
    pub(super) fn target_of(&self, asset: &BackfillAsset) -> Result<Target> {
        let Some(place) = self.graph().place(&asset.key) else {
            let message = format!("the backfill made `{}`, and this program has no such asset", asset.key);
            return Err(Error::new(ErrorKind::Fingerprint, message).help("it may have been renamed; `list` shows what there is"));
        };
        match (&self.graph().asset(place).partitions, &asset.slice) {
            (None, Slice::Whole) => Ok((place, None)),
            (Some(def), slice) => Ok((place, Some(def.resolve(slice)?))),
            (None, Slice::Keys(_)) => {
                let message = format!("the backfill made partitions of `{}`, which has none any more", asset.key);
                Err(Error::new(ErrorKind::Fingerprint, message).with("at", self.graph().asset(place).source))
            }
        }
    }

    /// The moment of a run of a backfill that begins now: it reads what there is by then. What it makes was there when the backfill was
    /// made, and is there also where the clock is behind that.
    pub(super) fn moment_for(&self, backfill: &Backfill) -> Timestamp {
        self.workshop.env.now().max(backfill.at)
    }

    /// What of it one run makes.
    pub(super) fn made_by(&self, targets: &[Target], run: &PlannedRun) -> Result<Vec<Target>> {
        let one = |(place, all): &Target| {
            let piece = match (&self.graph().asset(*place).partitions, &run.slice) {
                (None, _) | (_, Slice::Whole) => all.clone(),
                (Some(def), slice) => {
                    let piece = def.resolve(slice)?;
                    all.as_ref().map(|all| all.intersection(&piece))
                }
            };
            Ok((*place, piece))
        };
        let made: Vec<Target> = targets.iter().map(one).collect::<Result<_>>()?;
        Ok(made.into_iter().filter(|(_, set)| set.as_ref().is_none_or(|set| !set.is_empty())).collect())
    }

    pub(super) fn plan_of_run(&self, backfill: &Backfill, targets: &[Target], run: &PlannedRun) -> Result<Plan> {
        let made = self.made_by(targets, run)?;
        let places = made.iter().map(|(place, _)| *place).collect();
        let sets = made.into_iter().filter_map(|(place, set)| Some((place, set?))).collect();
        Ok(Plan::of_sets(self.graph(), &places, &sets, self.moment_for(backfill)))
    }
}

/// An asset, by place, with some of its partitions; nothing for one without.
pub(super) type Target = (usize, Option<KeySet>);

fn groups(graph: &Graph, selected: &BTreeSet<usize>, sets: &BTreeMap<usize, KeySet>, cut: &RunCut) -> Result<Vec<BackfillGroup>> {
    let made: Vec<usize> = selected.iter().copied().filter(|place| !graph.asset(*place).is_external()).collect();
    if *cut == RunCut::One {
        let assets: Vec<_> = made.iter().map(|place| target(graph.asset(*place), sets.get(place))).collect();
        let partitions = assets.iter().map(|asset| asset.partitions).sum();
        let runs = if partitions == 0 { Vec::new() } else { vec![PlannedRun { slice: Slice::Whole, partitions }] };
        return Ok(vec![BackfillGroup { stage: 0, assets, in_order: false, runs }]);
    }
    let stages = stages(graph, selected, &made);
    let mut members: Vec<(usize, Vec<usize>)> = Vec::new();
    for place in &made {
        let stage = stages[place];
        let alike = |(at, places): &(usize, Vec<usize>)| {
            *at == stage && graph.asset(places[0]).partitions == graph.asset(*place).partitions
        };
        match members.iter().position(alike) {
            Some(known) => members[known].1.push(*place),
            None => members.push((stage, vec![*place])),
        }
    }
    members.sort_by_key(|(stage, _)| *stage);
    if let RunCut::Per(dimension) = cut {
        has_dimension(graph, &made, dimension)?;
    }
    members.into_iter().map(|(stage, places)| group(graph, stage, &places, sets, cut)).collect()
}

/// How many times something in between has to be over before an asset can be made.
fn stages(graph: &Graph, selected: &BTreeSet<usize>, made: &[usize]) -> BTreeMap<usize, usize> {
    let mut stages: BTreeMap<usize, usize> = BTreeMap::new();
    for place in made {
        let after = nearest_selected(graph, *place, selected);
        let stage = after.iter().filter_map(|before| Some(stages.get(before)? + usize::from(!together(graph, *before, *place))));
        let stage = stage.max().unwrap_or_default();
        stages.insert(*place, stage);
    }
    stages
}

/// Whether each partition of an asset needs no other than the same one of an asset upstream.
fn together(graph: &Graph, before: usize, place: usize) -> bool {
    let (upstream, asset) = (graph.asset(before), graph.asset(place));
    let loaded = asset.inputs.iter().filter(|input| input.upstream == upstream.key && !input.order_only);
    upstream.partitions == asset.partitions
        && (asset.partitions.is_none()
            || loaded
                .into_iter()
                .all(|input| mapping_of(input, upstream, asset).is_ok_and(|mapping| mapping == Mapping::Identity)))
}

fn target(asset: &AssetSpec, set: Option<&KeySet>) -> BackfillAsset {
    let (slice, partitions) = set.map_or((Slice::Whole, 1), |set| (set.slice(), set.len()));
    BackfillAsset { key: asset.key.clone(), slice, partitions }
}

fn group(graph: &Graph, stage: usize, places: &[usize], sets: &BTreeMap<usize, KeySet>, cut: &RunCut) -> Result<BackfillGroup> {
    let assets: Vec<_> = places.iter().map(|place| target(graph.asset(*place), sets.get(place))).collect();
    let own: Vec<&KeySet> = places.iter().filter_map(|place| sets.get(place)).collect();
    let along = order(graph, places, cut)?;
    let in_order = along.is_some();
    let Some(all) = own.iter().copied().cloned().reduce(|all, more| all.union(&more)) else {
        let runs = vec![PlannedRun { slice: Slice::Whole, partitions: assets.len() as u64 }];
        return Ok(BackfillGroup { stage, assets, in_order, runs });
    };
    let pieces = pieces(&all, cut, along);
    let run = |piece: KeySet| PlannedRun {
        slice: piece.slice(),
        partitions: own.iter().map(|set| set.intersection(&piece).len()).sum(),
    };
    Ok(BackfillGroup { stage, assets, in_order, runs: pieces.into_iter().map(run).collect() })
}

/// The dimension, by name, in whose order the runs of a group are made; nothing if no partition is made from an earlier one.
///
/// # Errors
/// If there is no such order in which each run finds what it needs.
fn order<'a>(graph: &'a Graph, places: &[usize], cut: &RunCut) -> Result<Option<&'a str>> {
    let mut order: Option<(&AssetSpec, &str)> = None;
    for place in places {
        let asset: &AssetSpec = graph.asset(*place);
        let (Some(def), Some(along)) = (&asset.partitions, Plan::made_along(asset)) else { continue };
        match (cut, order) {
            (RunCut::Per(dimension), _) => check_cut(asset, def, along, dimension)?,
            (RunCut::PerPartition, Some((other, first))) if first != along => {
                let message = format!(
                    "`{}` is made in the order of `{first}` and `{}` in that of `{along}`, so their runs have no order",
                    other.key, asset.key
                );
                let error = Error::new(ErrorKind::PartitionKey, message).with("at", asset.source);
                return Err(error.help("make them in one run, with `--per-run one`, or in a backfill each"));
            }
            _ => {}
        }
        order = order.or(Some((asset, along)));
    }
    Ok(order.map(|(_, along)| along))
}

/// Whether runs for one key of a dimension each find the earlier partitions that an asset is made from.
fn check_cut(asset: &AssetSpec, def: &PartitionsDef, along: &str, dimension: &str) -> Result<()> {
    let Some(cut) = named(def, dimension) else { return Ok(()) };
    let mut previous = asset.inputs.iter().filter(|input| input.previous);
    if previous.all(|input| keeps(input, cut) || Plan::goes_back(input, def).contains(&cut)) {
        return Ok(());
    }
    let message = format!(
        "`{}` is made from earlier partitions with other keys of `{cut}`, so a run for one key would need what later ones make",
        asset.key
    );
    let help = format!("cut it by what they are earlier in, with `--per-run {along}`, or make one run, with `--per-run one`");
    Err(Error::new(ErrorKind::PartitionKey, message).with("at", asset.source).help(help))
}

/// Whether what an input from the asset itself takes has the same key in a dimension as what is made.
fn keeps(input: &InputSpec, dimension: &str) -> bool {
    match &input.mapping {
        Some(Mapping::Dimensions(named)) => {
            let same = |mapping: &Mapping| {
                matches!(mapping, Mapping::Identity | Mapping::Overlap | Mapping::Offset { start: 0, end: 0 })
            };
            named.iter().all(|(name, mapping)| name != dimension || same(mapping))
        }
        // All dimensions but the one of time, which it goes back in.
        _ => true,
    }
}

/// The dimension of this name, or of the definition of this name.
fn named<'a>(def: &'a PartitionsDef, dimension: &str) -> Option<&'a str> {
    let named = def.dimensions().iter().find(|one| one.name == *dimension || one.definition == *dimension);
    named.map(|one| one.name.as_str())
}

fn axis(space: &KeySpace, name: &str) -> Option<usize> {
    space.axes().iter().position(|axis| **axis.name() == *name)
}

/// Disjoint sets that are the whole together. Where an earlier partition comes first, in the order of the dimension `along`.
fn pieces(all: &KeySet, cut: &RunCut, along: Option<&str>) -> Vec<KeySet> {
    if all.is_empty() {
        return Vec::new();
    }
    let space = all.space();
    match cut {
        RunCut::One => vec![all.clone()],
        RunCut::PerPartition => {
            let mut indices: Vec<u64> = all.indices().collect();
            if let Some(along) = along.and_then(|name| axis(space, name)) {
                indices.sort_by_key(|index| space.places(*index)[along]);
            }
            indices.into_iter().map(|index| all.only(index)).collect()
        }
        RunCut::Per(dimension) => match named(space.def(), dimension).and_then(|name| axis(space, name)) {
            Some(axis) => all.split(axis).into_iter().map(|(_, piece)| piece).collect(),
            None => vec![all.clone()],
        },
    }
}

fn has_dimension(graph: &Graph, made: &[usize], dimension: &str) -> Result<()> {
    let defs = made.iter().filter_map(|place| graph.asset(*place).partitions.as_ref());
    let mut names: Vec<&str> = defs
        .flat_map(|def| def.dimensions().iter().flat_map(|one| [one.name.as_str(), one.definition.as_str()]))
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.contains(&dimension) {
        return Ok(());
    }
    let message = format!("no asset of the backfill is partitioned by `{dimension}`");
    Err(Error::new(ErrorKind::PartitionKey, message).help(known_names(dimension, "dimensions", names)))
}
