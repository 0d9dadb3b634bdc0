//! Writing to the log what the stores say.

use std::collections::BTreeMap;

use super::{Comparison, Difference, Found, Lakehouse};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, Failure, StepSummary};
use crate::key::AssetKey;
use crate::partition::KeySet;
use crate::state::{RunRecord, RunState};

impl Lakehouse {
    /// As [`Lakehouse::compare`], and brings the log up to date: runs whose processes are gone are marked as interrupted, what is not
    /// there is recorded as removed, what runs have stored as stored by them, and what somebody else has stored as reported. What a store
    /// cannot tell is part of the answer, and stays as it is: also a run whose process is gone, if it cannot be told what it had stored.
    ///
    /// # Errors
    /// If the log cannot be read or written.
    pub async fn repair(&self) -> Result<Comparison> {
        // First what runs have stored, so that the rest is compared with it.
        let mut all = self.compare_runs(true).await?;
        self.close_lost_runs_of(Some(&Vec::<StepSummary>::new)).await?;
        let open = self.still_lost(&all.lost)?;
        let mut found = Comparison::default();
        self.compare_stores(&mut found).await?;
        all.unknown.append(&mut found.unknown);
        for (asset, run) in &open {
            if !all.unknown.iter().any(|(known, _)| known == asset) {
                let message = format!("it is not known yet what the run `{run}` did to `{asset}`, whose process is gone");
                let error = Error::new(ErrorKind::Io, message).help("do it again when its stores answer");
                all.unknown.push((asset.clone(), Failure::from(&error)));
            }
        }
        for each in found.differences.into_iter().filter(|each| !open.contains_key(&each.asset)) {
            let (asset, _) = self.workshop.asset(&each.asset)?;
            let keys = self.partitions(&each.asset)?.map(|space| space.known(&each.slice));
            // A run of its own, so that nobody makes the same in the meantime.
            let action = match self.begin_action("repair", asset, keys.as_ref()).await {
                Ok(action) => action,
                Err(error) if error.kind() == ErrorKind::Busy => {
                    all.unknown.push((each.asset, Failure::from(&error)));
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Others may have made it since it was compared.
            let again = self.beating(&action.journal, || {}, self.compare_again(&each.asset, keys.as_ref())).await;
            match again {
                Ok(differences) => {
                    for one in &differences {
                        let (asset, slice) = (one.asset.clone(), one.slice.clone());
                        let kind = match one.found {
                            Found::Gone => EventKind::Wiped { asset, slice },
                            Found::Replaced | Found::Unrecorded => EventKind::Reported { asset, slice, metadata: Vec::new() },
                        };
                        action.journal.emit(&self.workshop, kind)?;
                    }
                    self.end_action(&action, Ok((None, None)))?;
                    all.differences.extend(differences);
                }
                Err(error) => {
                    all.unknown.push((each.asset, Failure::from(&error)));
                    // If not even that can be recorded, the next who begins a run closes this one.
                    drop(self.end_action(&action, Err(error)));
                }
            }
        }
        Ok(all)
    }

    /// The assets of those of these runs that are still without an end, each with the run.
    fn still_lost(&self, runs: &[String]) -> Result<BTreeMap<AssetKey, String>> {
        let mut open = BTreeMap::new();
        for run in runs {
            let lost = |(record, state): (RunRecord, RunState)| state == RunState::Interrupted && record.finished.is_none();
            if self.run_record(run)?.is_some_and(lost) {
                open.extend(self.assets_of(run)?.into_iter().map(|asset| (asset, run.clone())));
            }
        }
        Ok(open)
    }

    /// What of these partitions of an asset, or of all of one without, the log does not say as it is.
    async fn compare_again(&self, key: &AssetKey, keys: Option<&KeySet>) -> Result<Vec<Difference>> {
        let (asset, Some(store)) = self.workshop.asset(key)? else { return Ok(Vec::new()) };
        let mut recorded = self.recorded_commits(asset, keys.map(KeySet::space))?;
        if let Some(wanted) = keys {
            for one in &mut recorded {
                one.keys = one.keys.take().map(|keys| keys.intersection(wanted));
            }
            recorded.retain(|one| one.keys.as_ref().is_some_and(|keys| !keys.is_empty()));
        }
        self.compare_asset(asset, store, keys.map(KeySet::space), recorded).await
    }
}
