//! The steps that may begin, the most urgent first, and what those that have begun take.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::plan::Plan;
use super::policy::Policy;
use crate::graph::Graph;

/// What a step asks for.
struct Needs {
    priority: i32,
    pool: Option<String>,
    memory: u64,
}

/// The steps that may begin.
pub(super) struct Ready {
    needs: Vec<Needs>,
    waiting: BTreeSet<(Reverse<i32>, usize)>,
    /// How many steps of each pool run.
    pools: BTreeMap<String, usize>,
    running: usize,
    /// The bytes that those that run take, by their own estimates.
    memory: u64,
}

impl Ready {
    pub(super) fn new(plan: &Plan, graph: &Graph) -> Self {
        let needs = |step: &super::plan::StepSpec| {
            let asset = step.assets.first().and_then(|asset| graph.get(&asset.key));
            Needs {
                priority: asset.map_or(0, |asset| asset.priority),
                pool: asset.and_then(|asset| asset.pool.clone()),
                memory: asset.and_then(|asset| asset.memory).unwrap_or_default(),
            }
        };
        let needs = plan.steps.iter().map(needs).collect();
        Self { needs, waiting: BTreeSet::new(), pools: BTreeMap::new(), running: 0, memory: 0 }
    }

    pub(super) fn insert(&mut self, step: usize) {
        self.waiting.insert((Reverse(self.needs[step].priority), step));
    }

    /// How many steps have been taken and have not ended.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// How many steps may begin.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The most urgent step that there is room for, but for those of pools in which there is none elsewhere. It counts as running.
    ///
    /// A step that is alone always has room: one that wants more than there is would else never run.
    pub(super) fn take(&mut self, policy: &Policy, full: &BTreeSet<String>) -> Option<usize> {
        let fits = |step: usize| {
            let needs = &self.needs[step];
            let pool = needs.pool.as_ref().is_none_or(|pool| {
                !full.contains(pool) && self.pools.get(pool).copied().unwrap_or_default() < policy.slots(pool)
            });
            let memory = self.running == 0 || policy.memory.is_none_or(|most| self.memory.saturating_add(needs.memory) <= most);
            pool && memory
        };
        let found = *self.waiting.iter().find(|(_, step)| fits(*step))?;
        self.waiting.remove(&found);
        let needs = &self.needs[found.1];
        self.running += 1;
        self.memory = self.memory.saturating_add(needs.memory);
        if let Some(pool) = &needs.pool {
            *self.pools.entry(pool.clone()).or_default() += 1;
        }
        Some(found.1)
    }

    /// A step that was taken did not begin.
    pub(super) fn put_back(&mut self, step: usize) {
        self.ended(step);
        self.insert(step);
    }

    /// A step that was taken runs no more.
    pub(super) fn ended(&mut self, step: usize) {
        let needs = &self.needs[step];
        self.running = self.running.saturating_sub(1);
        self.memory = self.memory.saturating_sub(needs.memory);
        if let Some(running) = needs.pool.as_ref().and_then(|pool| self.pools.get_mut(pool)) {
            *running = running.saturating_sub(1);
        }
    }
}
