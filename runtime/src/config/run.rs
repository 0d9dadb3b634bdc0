//! `[run]` and `[pools]`: how steps are run of which the asset does not say otherwise, and what is recorded of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::units::{Size, Time};

/// What somebody has said of how steps are run.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunSettings {
    pub(crate) retries: Option<u32>,
    pub(crate) retry_delay: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) memory: Option<u64>,
    pub(crate) pools: BTreeMap<String, usize>,
    pub(crate) sample: Option<usize>,
    pub(crate) statistics: Option<bool>,
}

impl RunSettings {
    /// This, and where it says nothing, the other.
    pub(crate) fn or(self, other: Self) -> Self {
        let mut pools = other.pools;
        pools.extend(self.pools);
        Self {
            retries: self.retries.or(other.retries),
            retry_delay: self.retry_delay.or(other.retry_delay),
            timeout: self.timeout.or(other.timeout),
            memory: self.memory.or(other.memory),
            pools,
            sample: self.sample.or(other.sample),
            statistics: self.statistics.or(other.statistics),
        }
    }
}

/// `[run]`.
#[derive(Default, Deserialize)]
pub(super) struct RunFields {
    retries: Option<u32>,
    retry_delay: Option<Time>,
    timeout: Option<Time>,
    memory: Option<Size>,
    sample: Option<usize>,
    statistics: Option<bool>,
}

/// `[pools]`: how many steps of each run at once.
pub(super) type PoolFields = BTreeMap<String, Steps>;

pub(super) struct Steps(usize);

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match usize::deserialize(deserializer)? {
            0 => Err(D::Error::custom("no step could ever run in a pool of 0")),
            steps => Ok(Self(steps)),
        }
    }
}

pub(super) fn settings(run: RunFields, pools: PoolFields) -> RunSettings {
    let RunFields { retries, retry_delay, timeout, memory, sample, statistics } = run;
    RunSettings {
        retries,
        retry_delay: retry_delay.map(Time::duration),
        timeout: timeout.map(Time::duration),
        memory: memory.map(|Size(bytes)| bytes),
        pools: pools.into_iter().map(|(pool, Steps(steps))| (pool, steps)).collect(),
        sample,
        statistics,
    }
}
