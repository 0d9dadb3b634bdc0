//! What a run will do, as data that can be shown, stored and sent. Does no IO.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::event::StepSummary;
use crate::graph::Graph;
use crate::key::AssetKey;
use crate::slice::Slice;

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
        let run: Vec<usize> = selected.iter().copied().filter(|place| !graph.asset(*place).is_external()).collect();
        if let (true, Some(first)) = (run.is_empty(), selected.first()) {
            let asset = graph.asset(*first);
            let error = Error::new(ErrorKind::External, format!("`{}` is external: somebody else writes it", asset.key));
            return Err(error.with("at", asset.source).help("materialize what is made from it: `KEY+`"));
        }
        let steps = run.iter().enumerate().map(|(number, place)| {
            // An edge through an asset that is not part of the run orders nothing: what it loads is stored already.
            let after = run.iter().enumerate().filter(|(_, other)| graph.upstream(*place).contains(other)).map(|(n, _)| n);
            StepSpec {
                v: 1,
                number,
                assets: vec![StepAsset { key: graph.asset(*place).key.clone(), slice: Slice::Whole }],
                after: after.collect(),
                fingerprint: graph.fingerprint().to_owned(),
            }
        });
        Ok(Self { v: 1, steps: steps.collect() })
    }

    /// The steps as an event shows them.
    #[must_use]
    pub fn summary(&self) -> Vec<StepSummary> {
        let summary = |step: &StepSpec| StepSummary {
            assets: step.assets.iter().map(|asset| asset.key.clone()).collect(),
            after: step.after.clone(),
        };
        self.steps.iter().map(summary).collect()
    }
}
