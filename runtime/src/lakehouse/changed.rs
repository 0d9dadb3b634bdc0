//! Runs of what has changed, and why a step would run.

use std::collections::{BTreeMap, BTreeSet};

use super::Lakehouse;
use crate::asset::AssetSpec;
use crate::error::Result;
use crate::exec::{Moment, PartitionChoice, Partitioning, Plan, StepDecision, StepReason, StepSpec, mapping_of};
use crate::partition::KeySet;
use crate::slice::Slice;

impl Lakehouse {
    /// What a run of a [selection](crate::select) would do if it makes only what has changed: other code, other inputs, partitions that are
    /// missing or failed, and what is made from those. Of an asset of which nothing has changed the plan has a step as well.
    ///
    /// Every step looks again when it is about to begin, and is left out ([`SkipReason::Unchanged`](crate::event::SkipReason::Unchanged))
    /// if there is nothing to do by then: an upstream may have been made again and come to the same data.
    ///
    /// ```
    /// use lakewright::exec::{Interrupt, PartitionChoice};
    /// use lakewright::prelude::*;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// #[asset(io_manager = "memory")]
    /// fn total(numbers: Vec<i64>) -> i64 { numbers.iter().sum() }
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![total])).build()?;
    /// assert!(lakehouse.materialize("*").await?.is_success());
    /// let plan = lakehouse.plan_changed("*", &PartitionChoice::none()).await?;
    /// let report = lakehouse.run(plan, Interrupt::new()).await?;
    /// assert_eq!(report.materializations().count(), 0, "nothing has changed");
    /// # Ok::<(), lakewright::Error>(()) })?;
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Lakehouse::plan_for`], or if the log or a store of somebody else's tables cannot be read.
    pub async fn plan_changed(&self, selection: &str, choice: &PartitionChoice) -> Result<Plan> {
        let selected = self.places(selection)?;
        let (at, spaces, recorded) = self.chosen_from(&selected, choice)?;
        let mut sets = Plan::sets(self.graph(), &selected, &Partitioning { at, choice, spaces, recorded })?;
        let moment = Moment::new(at);
        // What will be made again, of each asset.
        let mut made: BTreeMap<usize, Option<KeySet>> = BTreeMap::new();
        for place in selected.iter().copied().filter(|place| !self.graph().asset(*place).is_external()) {
            let asset = self.graph().asset(place);
            let chosen = sets.get(&place);
            let verdict = self.workshop.verdict(asset, chosen, &moment).await?;
            let fed = self.fed(asset, chosen, &made)?;
            match (chosen, verdict.keys, fed) {
                (Some(chosen), with_reason, fed) => {
                    let changed = with_reason.unwrap_or_else(|| chosen.space().none());
                    let changed = match fed {
                        Fed::Partitions(fed) => changed.union(&fed),
                        Fed::All => chosen.clone(),
                        Fed::None => changed,
                    };
                    let changed = with_later(asset, changed, chosen)?;
                    if !changed.is_empty() {
                        sets.insert(place, changed.clone());
                        made.insert(place, Some(changed));
                    }
                }
                (None, _, fed) => {
                    if !verdict.reasons.is_empty() || !matches!(fed, Fed::None) {
                        made.insert(place, None);
                    }
                }
            }
        }
        Ok(Plan { changed: true, ..Plan::of_sets(self.graph(), &selected, &sets, at) })
    }

    /// What of an asset is made from what is made again.
    fn fed(&self, asset: &AssetSpec, chosen: Option<&KeySet>, made: &BTreeMap<usize, Option<KeySet>>) -> Result<Fed> {
        let mut fed = Fed::None;
        for input in asset.inputs.iter().filter(|input| !input.previous && input.version.is_none()) {
            let Some(place) = self.graph().place(&input.upstream) else { continue };
            let Some(from) = made.get(&place) else { continue };
            let (Some(chosen), Some(from)) = (chosen, from) else { return Ok(Fed::All) };
            let keys = match mapping_of(input, self.graph().asset(place), asset) {
                Err(_) if input.order_only => return Ok(Fed::All),
                mapping => mapping?.downstream(Some(from), chosen.space())?.intersection(chosen),
            };
            fed = match fed {
                Fed::Partitions(known) => Fed::Partitions(known.union(&keys)),
                _ if keys.is_empty() => fed,
                _ => Fed::Partitions(keys),
            };
        }
        Ok(fed)
    }

    /// Why each step of a plan runs, or that it does not: by number, as it is now.
    ///
    /// # Errors
    /// If the plan was made from other definitions, or the log or a store of somebody else's tables cannot be read.
    pub async fn explain(&self, plan: &Plan) -> Result<Vec<(usize, StepDecision)>> {
        plan.check(self.graph())?;
        let moment = Moment::new(plan.at);
        let mut decisions: Vec<(usize, StepDecision)> = Vec::with_capacity(plan.steps.len());
        // What the steps before make, of each asset.
        let mut made: BTreeMap<usize, Option<KeySet>> = BTreeMap::new();
        for step in &plan.steps {
            let mut reasons = BTreeSet::new();
            for target in &step.assets {
                let (asset, _) = self.workshop.asset(&target.key)?;
                let keys = keys_of(asset, &target.slice)?;
                reasons.extend(self.workshop.verdict(asset, keys.as_ref(), &moment).await?.reasons);
                reasons.extend(self.made_before(asset, keys.as_ref(), &made)?);
            }
            if reasons.is_empty() && !plan.changed {
                reasons.insert(StepReason::Forced);
            }
            let decision = if reasons.is_empty() {
                StepDecision::Unchanged
            } else {
                self.add_made(&mut made, step, &moment)?;
                StepDecision::WillRun { reasons: reasons.into_iter().collect() }
            };
            decisions.push((step.number, decision));
        }
        Ok(decisions)
    }

    /// That steps before make something that these partitions are made from.
    fn made_before(
        &self,
        asset: &AssetSpec,
        keys: Option<&KeySet>,
        made: &BTreeMap<usize, Option<KeySet>>,
    ) -> Result<Vec<StepReason>> {
        let mut reasons = Vec::new();
        for input in asset.inputs.iter().filter(|input| input.version.is_none()) {
            let Some(place) = self.graph().place(&input.upstream) else { continue };
            let Some(from) = made.get(&place) else { continue };
            let overlap = match (from, mapping_of(input, self.graph().asset(place), asset)) {
                (None, _) => true,
                (Some(_), Err(_)) if input.order_only => true,
                (Some(from), mapping) => !mapping?.upstream(keys, from.space())?.intersection(from).is_empty(),
            };
            if overlap {
                reasons.push(StepReason::UpstreamRuns { asset: input.upstream.clone() });
            }
        }
        Ok(reasons)
    }

    /// Adds what a step makes to what those before it make. Each would else be compared with each, and a chain has thousands.
    fn add_made(&self, made: &mut BTreeMap<usize, Option<KeySet>>, step: &StepSpec, moment: &Moment) -> Result<()> {
        for target in &step.assets {
            let Some(place) = self.graph().place(&target.key) else { continue };
            let keys = match (&self.graph().asset(place).partitions, made.remove(&place).flatten()) {
                (None, _) => None,
                (Some(_), Some(keys)) => Some(keys.union(&keys.space().known(&target.slice))),
                (Some(def), None) => Some(self.workshop.space_at(def, moment)?.known(&target.slice)),
            };
            made.insert(place, keys);
        }
        Ok(())
    }
}

/// What of an asset is made from what is made again.
enum Fed {
    None,
    Partitions(KeySet),
    All,
}

fn keys_of(asset: &AssetSpec, slice: &Slice) -> Result<Option<KeySet>> {
    match (&asset.partitions, slice) {
        (None, _) | (_, Slice::Whole) => Ok(None),
        (Some(def), slice) => def.resolve(slice).map(Some),
    }
}

/// And those that are made from them, where a partition is made from an earlier one.
fn with_later(asset: &AssetSpec, mut changed: KeySet, chosen: &KeySet) -> Result<KeySet> {
    for input in asset.inputs.iter().filter(|input| input.previous) {
        let mapping = mapping_of(input, asset, asset)?;
        loop {
            let more = changed.union(&mapping.downstream(Some(&changed), chosen.space())?.intersection(chosen));
            if more.len() == changed.len() {
                break;
            }
            changed = more;
        }
    }
    Ok(changed)
}
