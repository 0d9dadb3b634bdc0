//! What the runs of a backfill need of each other.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Target;
use super::{Backfill, PlannedRun};
use crate::error::Result;
use crate::exec::{Moment, mapping_of, nearest_selected};
use crate::lakehouse::Lakehouse;
use crate::partition::KeySet;
use crate::state::{RunRecord, RunState};

/// The runs of a backfill that the log has, by their numbers.
pub(super) type Known = BTreeMap<usize, (RunRecord, RunState)>;

/// What was to be made and was not: by place, with the partitions.
#[derive(Default)]
pub(super) struct NotDone {
    assets: BTreeMap<usize, Option<KeySet>>,
}

impl NotDone {
    pub(super) fn add(&mut self, made: Vec<Target>) {
        for (place, set) in made {
            // All sets of an asset are parts of its target, and so of one space.
            let all = match (self.assets.remove(&place).flatten(), set) {
                (Some(all), Some(set)) => Some(all.union(&set)),
                (_, set) => set,
            };
            self.assets.insert(place, all);
        }
    }
}

impl Lakehouse {
    /// What earlier stages were to make and have not.
    pub(super) fn not_done_before(&self, backfill: &Backfill, stage: usize, known: &Known) -> Result<NotDone> {
        let mut open = NotDone::default();
        let mut number = 0;
        for group in &backfill.groups {
            let targets = if group.stage < stage { Some(self.targets(group)?) } else { None };
            for run in &group.runs {
                number += 1;
                let done = known.get(&number).is_some_and(|(_, state)| *state == RunState::Succeeded);
                if let Some(targets) = targets.as_ref().filter(|_| !done) {
                    open.add(self.made_by(targets, run)?);
                }
            }
        }
        Ok(open)
    }

    /// Whether a run needs something that was to be made before it and was not.
    pub(super) fn is_held_up(&self, backfill: &Backfill, targets: &[Target], run: &PlannedRun, open: &NotDone) -> Result<bool> {
        if open.assets.is_empty() {
            return Ok(false);
        }
        let graph = self.graph();
        let made = self.made_by(targets, run)?;
        let own: BTreeSet<usize> = made.iter().map(|(place, _)| *place).collect();
        for (place, making) in &made {
            let asset = graph.asset(*place);
            for input in asset.inputs.iter().filter(|input| !input.order_only) {
                let Some(upstream) = graph.place(&input.upstream) else { continue };
                let missing = match open.assets.get(&upstream) {
                    None => continue,
                    Some(None) => return Ok(true),
                    Some(Some(missing)) => missing,
                };
                let spec = graph.asset(upstream);
                let mapping = mapping_of(input, spec, asset)?;
                let Some(def) = &spec.partitions else { return Ok(true) };
                let space = self.workshop.space_at(def, &Moment::new(self.moment_for(backfill)))?;
                if !mapping.upstream(making.as_ref(), &space)?.intersection(missing).is_empty() {
                    return Ok(true);
                }
            }
            // What only has to be made before, be it through assets that the backfill leaves alone, has to be made as a whole.
            let loaded: BTreeSet<usize> =
                asset.inputs.iter().filter(|input| !input.order_only).filter_map(|input| graph.place(&input.upstream)).collect();
            let all = open.assets.keys().copied().chain(own.iter().copied()).collect();
            let before = nearest_selected(graph, *place, &all);
            if before.iter().any(|before| !own.contains(before) && !loaded.contains(before)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a run that has not begun needs nothing that is left: whoever carried the backfill out would have begun it.
    pub(super) fn could_go_on(&self, backfill: &Backfill, known: &Known) -> Result<bool> {
        let stages: BTreeSet<usize> = backfill.groups.iter().map(|group| group.stage).collect();
        for stage in stages {
            let mut open = self.not_done_before(backfill, stage, known)?;
            let mut first = 1;
            for group in &backfill.groups {
                let numbers = first..;
                first += group.runs.len();
                if group.stage != stage {
                    continue;
                }
                let targets = self.targets(group)?;
                for (run, number) in group.runs.iter().zip(numbers) {
                    let state = known.get(&number).map(|(_, state)| *state);
                    if state == Some(RunState::Succeeded) {
                        continue;
                    }
                    if state.is_none() && !self.is_held_up(backfill, &targets, run, &open)? {
                        return Ok(true);
                    }
                    // Runs without an order of theirs do not need each other.
                    if group.in_order {
                        open.add(self.made_by(&targets, run)?);
                    }
                }
            }
        }
        Ok(false)
    }
}
