//! What events say of slices and keys, apart from where it is kept: every log comes to the same.

use std::collections::HashMap;
use std::sync::Arc;

use super::PartitionStatus;
use crate::error::Result;
use crate::event::{EventKind, StepSummary};
use crate::key::AssetKey;
use crate::partition::PartitionKey;
use crate::slice::Slice;

/// The steps of a run, as its first event has them.
type Steps = Arc<[StepSummary]>;

/// Turns events into what became of slices.
#[derive(Default)]
pub(super) struct Projection {
    /// The steps of the runs in which something has failed, so that ten thousand failures do not read the plan as often.
    steps: HashMap<String, Steps>,
}

impl Projection {
    /// What an event changes. `first` finds the first event of the run, and is only asked if the event names a step and no slice.
    pub(super) fn changes<E>(
        &mut self,
        run: &str,
        kind: &EventKind,
        first: impl FnOnce() -> Result<Option<EventKind>, E>,
    ) -> Result<Vec<(AssetKey, Slice, PartitionStatus)>, E> {
        match kind {
            EventKind::Materialized { materialization, .. } => {
                let (asset, slice) = (materialization.asset.clone(), materialization.slice.clone());
                Ok(vec![(asset, slice, PartitionStatus::Materialized)])
            }
            EventKind::StepFailed { step, .. } => {
                let steps = self.steps(run, first)?;
                let Some(step) = steps.get(*step) else { return Ok(Vec::new()) };
                let slices = step.assets.iter().zip(&step.slices);
                Ok(slices.map(|(asset, slice)| (asset.clone(), slice.clone(), PartitionStatus::Failed)).collect())
            }
            EventKind::RunFinished { .. } => {
                self.steps.remove(run);
                Ok(Vec::new())
            }
            EventKind::RunStarted { .. }
            | EventKind::StepStarted { .. }
            | EventKind::InputMissing { .. }
            | EventKind::InputHandedOver { .. }
            | EventKind::OutputSkipped { .. }
            | EventKind::StepSucceeded { .. }
            | EventKind::StepSkipped { .. } => Ok(Vec::new()),
        }
    }

    fn steps<E>(&mut self, run: &str, first: impl FnOnce() -> Result<Option<EventKind>, E>) -> Result<Steps, E> {
        if let Some(known) = self.steps.get(run) {
            return Ok(Arc::clone(known));
        }
        // A run whose plan is not in the log has no slices that anybody could name.
        let Some(EventKind::RunStarted { steps, .. }) = first()? else { return Ok(Steps::default()) };
        let steps = Steps::from(steps);
        self.steps.insert(run.to_owned(), Arc::clone(&steps));
        Ok(steps)
    }
}

/// Whether all of these can be keys of a dynamic set.
pub(super) fn check_keys(set: &str, keys: &[String]) -> Result<()> {
    for key in keys {
        PartitionKey::new(key).map_err(|error| error.with("dynamic set", format!("`{set}`")))?;
    }
    Ok(())
}
