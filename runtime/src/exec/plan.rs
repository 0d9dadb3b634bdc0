//! What a run will do, as data that can be shown, stored and sent. Does no IO.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::event::StepSummary;
use crate::graph::Graph;
use crate::key::AssetKey;
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
    /// The steps, by number.
    pub steps: Vec<StepSpec>,
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
    /// The numbers of the steps that have to succeed first.
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
}

impl Plan {
    /// A step for each of these assets that is not external.
    ///
    /// # Errors
    /// If only external assets were selected.
    pub fn new(graph: &Graph, selected: &BTreeSet<usize>) -> Result<Self> {
        if selected.is_empty() {
            return Err(Error::new(ErrorKind::Selection, "nothing is selected").help("`list` shows what a selection names"));
        }
        let run: Vec<usize> = selected.iter().copied().filter(|place| !graph.asset(*place).is_external()).collect();
        if let (true, Some(first)) = (run.is_empty(), selected.first()) {
            let asset = graph.asset(*first);
            let error = Error::new(ErrorKind::External, format!("`{}` is external: somebody else writes it", asset.key));
            return Err(error.with("at", asset.source).help("materialize what is made from it: `KEY+`"));
        }
        let steps = run.iter().enumerate().map(|(number, place)| {
            let before = nearest_selected(graph, *place, selected);
            let after = run.iter().enumerate().filter(|(_, other)| before.contains(other)).map(|(number, _)| number);
            StepSpec {
                v: PLAN_VERSION,
                number,
                assets: vec![StepAsset { key: graph.asset(*place).key.clone(), slice: Slice::Whole }],
                after: after.collect(),
                fingerprint: graph.fingerprint().to_owned(),
            }
        });
        Ok(Self { v: PLAN_VERSION, steps: steps.collect() })
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
            let known = step.assets.iter().all(|asset| graph.get(&asset.key).is_some());
            if step.number != number || step.assets.is_empty() || !known || step.after.iter().any(|before| *before >= number) {
                return refuse("the plan is damaged");
            }
        }
        Ok(())
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

/// The selected assets that are upstream with none selected in between: an asset that is not part of the run still orders those
/// around it, so that a run of `a or c` of a chain does what a run of the whole chain would.
fn nearest_selected(graph: &Graph, place: usize, selected: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut next: Vec<usize> = graph.upstream(place).iter().copied().collect();
    while let Some(place) = next.pop() {
        if seen.insert(place) {
            if selected.contains(&place) && !graph.asset(place).is_external() {
                found.insert(place);
            } else {
                next.extend(graph.upstream(place));
            }
        }
    }
    found
}
