//! Whether a step has anything to do: why it would make something else than what is stored.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::chronicle::Part;
use super::sources::{Compared, Inputs, Sources};
use super::workshop::{Moment, Workshop};
use crate::asset::AssetSpec;
use crate::error::Result;
use crate::event::InputVersion;
use crate::key::AssetKey;
use crate::partition::{KeySet, KeySpace};
use crate::slice::Slice;
use crate::state::PartitionStatus;

/// Why a step runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepReason {
    /// No run has stored it, or it was removed since.
    Missing,
    /// The last run that was to store it failed.
    Failed,
    /// It was stored somewhere else than where it is kept now, for example under an earlier key.
    Moved,
    /// Its code, which columns it reads, or which asset each parameter is, is another than that which made what is stored.
    CodeChanged,
    /// Its configuration is another.
    ConfigChanged,
    /// An input is another than what it was made from.
    InputChanged {
        /// The upstream asset.
        asset: AssetKey,
        /// What it was made from: the version of the table, else what identifies the data; absent if it had no such input.
        was: Option<String>,
        /// What there is now; absent if there is nothing, or it is no input any more.
        is: Option<String>,
    },
    /// An upstream asset is made again before it. If that comes to the same data, the step is left out.
    UpstreamRuns {
        /// The upstream asset.
        asset: AssetKey,
    },
    /// Nobody can tell whether it has changed, since nothing is recorded of this asset.
    Unknown {
        /// The asset itself, or one of its inputs.
        asset: AssetKey,
    },
    /// The plan makes everything, whether or not it has changed.
    Forced,
}

impl fmt::Display for StepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Failed => f.write_str("failed"),
            Self::Moved => f.write_str("stored elsewhere"),
            Self::CodeChanged => f.write_str("code changed"),
            Self::ConfigChanged => f.write_str("configuration changed"),
            Self::InputChanged { asset, was: Some(was), is: Some(is) } => write!(f, "input `{asset}` at {was} → {is}"),
            Self::InputChanged { asset, was: None, is: Some(is) } => write!(f, "input `{asset}` is new, at {is}"),
            Self::InputChanged { asset, is: None, .. } => write!(f, "input `{asset}` is gone"),
            Self::UpstreamRuns { asset } => write!(f, "`{asset}` is made before it"),
            Self::Unknown { asset } => write!(f, "nothing is recorded of the data of `{asset}`"),
            Self::Forced => f.write_str("forced"),
        }
    }
}

/// Whether a step has anything to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepDecision {
    /// It runs.
    WillRun {
        /// Why; at least one.
        reasons: Vec<StepReason>,
    },
    /// Nothing that it is made from has changed, so it is left out.
    Unchanged,
}

/// What has changed of an asset.
pub(crate) struct Verdict {
    /// Why it would have to be made again; nothing if it would not.
    pub(crate) reasons: BTreeSet<StepReason>,
    /// Which of the partitions that were asked about there is a reason for.
    pub(crate) keys: Option<KeySet>,
}

impl Verdict {
    pub(crate) fn is_unchanged(&self) -> bool {
        self.reasons.is_empty()
    }
}

impl Workshop {
    /// Why these partitions of an asset would have to be made again.
    pub(crate) async fn verdict(&self, asset: &AssetSpec, keys: Option<&KeySet>, moment: &Moment) -> Result<Verdict> {
        let mut verdict = Verdict { reasons: BTreeSet::new(), keys: keys.map(|keys| keys.space().none()) };
        if !asset.is_stored() {
            verdict.reasons.insert(StepReason::Unknown { asset: asset.key.clone() });
            verdict.keys = keys.cloned();
            return Ok(verdict);
        }
        match keys {
            None => self.judge_whole(asset, moment, &mut verdict).await?,
            Some(keys) => self.judge_partitions(asset, keys, moment, &mut verdict).await?,
        }
        Ok(verdict)
    }

    async fn judge_whole(&self, asset: &AssetSpec, moment: &Moment, verdict: &mut Verdict) -> Result<()> {
        let status = self.status_rows(asset, 0)?;
        let last = status.iter().rfind(|row| row.slice == Slice::Whole);
        if last.is_some_and(|row| row.status == PartitionStatus::Failed) {
            verdict.reasons.insert(StepReason::Failed);
        }
        let Some(part) = self.chronicles.whole(self.state.as_ref(), asset, &moment.made)? else {
            verdict.reasons.insert(StepReason::Missing);
            return Ok(());
        };
        let sources = self.sources(asset, None, moment).await?;
        verdict.reasons.extend(self.reasons(asset, &part, &sources, &sources.inputs(None)?));
        Ok(())
    }

    async fn judge_partitions(&self, asset: &AssetSpec, keys: &KeySet, moment: &Moment, verdict: &mut Verdict) -> Result<()> {
        // Among all that there are: a part that was stored as one may reach beyond what the slice of a step names.
        let among_all = match &asset.partitions {
            Some(def) => self.space_at(def, moment)?.known(&keys.slice()),
            None => keys.clone(),
        };
        let keys = if among_all.len() == keys.len() { &among_all } else { keys };
        let mut with_reason = self.recorded(&asset.key, keys.space(), PartitionStatus::Failed)?.intersection(keys);
        if !with_reason.is_empty() {
            verdict.reasons.insert(StepReason::Failed);
        }
        let covered = self.chronicles.covered(self.state.as_ref(), asset, keys, &moment.made)?;
        let missing = keys.difference(&covered.keys);
        if !missing.is_empty() {
            verdict.reasons.insert(StepReason::Missing);
            with_reason = with_reason.union(&missing);
        }
        // What was stored as one is compared as one, also where only a part of it is asked about.
        let mut all = covered.keys.clone();
        let mut parts = Vec::new();
        for part in covered.parts(&covered.keys) {
            let of_part = keys.space().known(part.slice());
            if all.intersection(&of_part).len() < of_part.len() {
                all = all.union(&of_part);
            }
            parts.push((part, of_part));
        }
        let sources = self.sources(asset, Some(&all), moment).await?;
        for (part, of_part) in parts {
            let why = self.reasons(asset, part, &sources, &sources.inputs(Some(&of_part))?);
            if !why.is_empty() {
                let own = covered.keys.intersection(&of_part);
                // Of a part that was stored later in smaller ones, only what is left of it is meant.
                let own = own.indices().filter(|index| covered.is_of(*index, part));
                own.for_each(|index| with_reason.insert(index));
                verdict.reasons.extend(why);
            }
        }
        verdict.keys = Some(with_reason);
        Ok(())
    }

    /// Why a part would be made differently now.
    fn reasons(&self, asset: &AssetSpec, part: &Part, sources: &Sources<'_>, now: &Inputs) -> Vec<StepReason> {
        let Some(stored) = part.told() else { return vec![StepReason::Unknown { asset: asset.key.clone() }] };
        let mut reasons = Vec::new();
        if stored.config != sources.config.as_deref() {
            reasons.push(StepReason::ConfigChanged);
        }
        reasons.extend(now.unknown.iter().map(|asset| StepReason::Unknown { asset: asset.clone() }));
        let mut before: Vec<(usize, &InputVersion)> = stored.inputs.iter().enumerate().collect();
        let mut moved = false;
        for (place, (is, how)) in now.versions.iter().zip(&now.compared).enumerate() {
            // It may have had another key then.
            let earlier = self.graph.get(&is.asset).map(|spec| spec.aliases.as_slice()).unwrap_or_default();
            let known = before.iter().position(|(_, was)| was.asset == is.asset || earlier.contains(&was.asset));
            let was = known.map(|known| before.remove(known));
            moved |= how.loaded && was.is_some_and(|(at, _)| at != place);
            let was = was.map(|(_, was)| was);
            if was.is_none_or(|was| !same(was, is, how)) && !now.unknown.contains(&is.asset) {
                reasons.push(changed(&is.asset, was, Some(is)));
            }
        }
        reasons.extend(before.into_iter().map(|(_, was)| changed(&was.asset, Some(was), None)));
        // Attributes say which asset a parameter is, and they are no part of the text that the code is known by: parameters whose assets
        // have changed places are read as each other. Where there are more or fewer inputs than there were, that is said already.
        let other_places = moved && stored.inputs.len() == now.versions.len();
        if stored.code != sources.code.as_deref() || other_places {
            reasons.push(StepReason::CodeChanged);
        }
        if self.is_elsewhere(asset, part.slice(), stored.location) {
            reasons.push(StepReason::Moved);
        }
        reasons
    }

    /// Whether a location is not where a slice is kept now.
    fn is_elsewhere(&self, asset: &AssetSpec, slice: &Slice, location: &str) -> bool {
        let Ok((_, Some(store))) = self.asset(&asset.key) else { return false };
        let Ok(now) = store.io.locate(asset, slice) else { return false };
        // A root that was moved, or is written in another way, has all that is below it.
        let below = now.as_str().strip_prefix(&*self.root.to_string_lossy());
        now.as_str() != location && !below.is_some_and(|below| location.ends_with(below))
    }
}

/// Whether two inputs are the same data. The version of a table that we write may rise without that.
fn same(was: &InputVersion, is: &InputVersion, how: &Compared) -> bool {
    let version = |input: &InputVersion| if input.data.is_empty() { input.version } else { None };
    was.data == is.data && version(was) == version(is) && same_part(was, is, how)
}

/// Whether two inputs are the same partitions, but for those that are gone and make no difference.
fn same_part(was: &InputVersion, is: &InputVersion, how: &Compared) -> bool {
    let is_what_is_left = |space: &KeySpace| was.slice != Slice::Whole && space.known(&was.slice).slice() == is.slice;
    was.slice == is.slice || how.left.as_ref().is_some_and(is_what_is_left)
}

fn changed(asset: &AssetKey, was: Option<&InputVersion>, is: Option<&InputVersion>) -> StepReason {
    // Versions of tables are shown where they tell the two apart.
    let versions = was.and_then(|was| was.version).zip(is.and_then(|is| is.version)).filter(|(was, is)| was != is);
    if let Some((was, is)) = versions {
        return StepReason::InputChanged { asset: asset.clone(), was: Some(format!("version {was}")), is: Some(is.to_string()) };
    }
    // What was stored as one has one name for its data, whichever partitions of it are read.
    let others = was.zip(is).is_some_and(|(was, is)| was.data == is.data && was.slice != is.slice);
    let now = is.and_then(shown).map(|data| if others { format!("{data} of other partitions") } else { data });
    StepReason::InputChanged { asset: asset.clone(), was: was.and_then(shown), is: now }
}

/// How many characters of what identifies data are shown.
const SHOWN: usize = 8;

fn shown(input: &InputVersion) -> Option<String> {
    match (&input.data[..], input.version) {
        ([], None) => None,
        ([], Some(version)) => Some(format!("version {version}")),
        ([one], _) => Some(one.chars().take(SHOWN).collect()),
        (several, _) => {
            let all = blake3::hash(several.join("\n").as_bytes()).to_hex();
            Some(format!("{} ({} parts)", &all[..SHOWN], several.len()))
        }
    }
}
