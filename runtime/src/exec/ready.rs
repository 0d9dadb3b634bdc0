//! The steps that may begin, the most urgent first, and what those that have begun take.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::plan::Plan;
use super::policy::Policy;
use crate::graph::Graph;

/// What a step asks for.
struct Needs {
    priority: i32,
    pool: Option<String>,
    memory: u64,
}

/// The bytes that the steps of all runs of a lakehouse take, by their own estimates: a backfill carries out several at once.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    steps: usize,
    bytes: u64,
}

impl Memory {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the bytes of a step, if there are as many.
    ///
    /// A step that is alone always has room: one that wants more than there is would else never run.
    fn take(&self, bytes: u64, most: u64) -> bool {
        let mut taken = self.taken();
        let sum = taken.bytes.saturating_add(bytes);
        let fits = taken.steps == 0 || sum <= most;
        if fits {
            *taken = Taken { steps: taken.steps + 1, bytes: sum };
        }
        fits
    }

    fn give_back(&self, steps: usize, bytes: u64) {
        let mut taken = self.taken();
        *taken = Taken { steps: taken.steps.saturating_sub(steps), bytes: taken.bytes.saturating_sub(bytes) };
    }
}

/// The steps that may begin.
pub(super) struct Ready {
    needs: Vec<Needs>,
    waiting: BTreeSet<(Reverse<i32>, usize)>,
    /// How many steps of each pool run.
    pools: BTreeMap<String, usize>,
    running: usize,
    /// The bytes that those that run take, by their own estimates, of those that there are for all.
    bytes: u64,
    memory: Arc<Memory>,
    /// How many there are for all; without a limit nobody counts.
    most: Option<u64>,
}

impl Ready {
    pub(super) fn new(plan: &Plan, graph: &Graph, memory: &Arc<Memory>, most: Option<u64>) -> Self {
        let needs = |step: &super::plan::StepSpec| {
            let asset = step.assets.first().and_then(|asset| graph.get(&asset.key));
            Needs {
                priority: asset.map_or(0, |asset| asset.priority),
                pool: asset.and_then(|asset| asset.pool.clone()),
                memory: asset.and_then(|asset| asset.memory).unwrap_or_default(),
            }
        };
        let needs = plan.steps.iter().map(needs).collect();
        let memory = Arc::clone(memory);
        Self { needs, waiting: BTreeSet::new(), pools: BTreeMap::new(), running: 0, bytes: 0, memory, most }
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

    /// Whether a step that waits may do so for what steps of other runs take.
    pub(super) fn waits_for_others(&self) -> bool {
        self.most.is_some() && !self.waiting.is_empty() && self.memory.taken().steps > self.running
    }

    /// The most urgent step that there is room for, but for those of pools in which there is none elsewhere. It counts as running.
    pub(super) fn take(&mut self, policy: &Policy, full: &BTreeSet<String>) -> Option<usize> {
        let fits = |step: usize| {
            let needs = &self.needs[step];
            let pool = needs.pool.as_ref().is_none_or(|pool| {
                !full.contains(pool) && self.pools.get(pool).copied().unwrap_or_default() < policy.slots(pool)
            });
            // Last, since it is taken with that.
            pool && self.most.is_none_or(|most| self.memory.take(needs.memory, most))
        };
        let found = *self.waiting.iter().find(|(_, step)| fits(*step))?;
        self.waiting.remove(&found);
        let needs = &self.needs[found.1];
        self.running += 1;
        self.bytes = self.bytes.saturating_add(needs.memory);
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
        self.bytes = self.bytes.saturating_sub(needs.memory);
        if self.most.is_some() {
            self.memory.give_back(1, needs.memory);
        }
        if let Some(running) = needs.pool.as_ref().and_then(|pool| self.pools.get_mut(pool)) {
            *running = running.saturating_sub(1);
        }
    }
}

impl Drop for Ready {
    /// A run that is dropped where it waits takes nothing any more.
    fn drop(&mut self) {
        if self.most.is_some() {
            self.memory.give_back(self.running, self.bytes);
        }
    }
}
