//! What the log asks of those who know processes and partitions.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::workshop::Workshop;
use crate::env::Holder;
use crate::key::AssetKey;
use crate::slice::Slice;
use crate::state::Referee;

/// How often a run says that it goes on, and hears whether it is to end.
pub(crate) const BEAT: Duration = Duration::from_secs(2);

/// How long a run that has not said so is still taken to go on.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(60);

impl Referee for Workshop {
    fn alive(&self, holder: &Holder, beat: Timestamp) -> bool {
        // Nor is it alive for as long as its clock was ahead.
        self.env.now().duration_since(beat).abs() < LEASE && !self.env.is_gone(holder)
    }

    fn overlap(&self, asset: &AssetKey, some: &[&Slice], others: &[&Slice]) -> bool {
        if some.is_empty() || others.is_empty() {
            return false;
        }
        // A table that is made whole has no keys, and is met by everything.
        let keys = |slices: &[&Slice]| self.graph.get(asset)?.partitions.as_ref()?.combine(slices.iter().copied()).ok();
        match (keys(some), keys(others)) {
            (Some(some), Some(others)) => !some.intersection(&others).is_empty(),
            // Of what this program does not know it cannot say that it is something else.
            _ => true,
        }
    }
}
