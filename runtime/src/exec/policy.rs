//! How steps are run unless their assets say otherwise: attempts, time, memory, pools.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::asset::AssetSpec;
use crate::config::RunSettings;
use crate::env::Env;
use crate::error::{Error, ErrorKind};

/// What holds for every step of which the asset does not say otherwise, and what steps share.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// How often a step that failed is tried again.
    pub(crate) retries: u32,
    /// How long the first pause is.
    pub(crate) retry_delay: Duration,
    /// How long an attempt may take.
    pub(crate) timeout: Option<Duration>,
    /// How many bytes the steps that run at once may take, in all runs, by their own estimates.
    pub(crate) memory: Option<u64>,
    /// How many steps of each pool run at once, in all the processes of the log.
    pub(crate) pools: BTreeMap<String, usize>,
}

impl From<RunSettings> for Policy {
    fn from(said: RunSettings) -> Self {
        Self {
            retries: said.retries.unwrap_or(0),
            retry_delay: said.retry_delay.unwrap_or(Duration::from_secs(1)),
            timeout: said.timeout,
            memory: said.memory,
            pools: said.pools,
        }
    }
}

/// How many steps of a pool run at once that nobody has configured.
const POOL: usize = 1;

/// No pause grows beyond this, whatever the number of attempts. One that is longer from the beginning stays as it is.
const LONGEST_DELAY: Duration = Duration::from_mins(5);

impl Policy {
    /// How long to wait for another attempt at a step after so many of them; nothing if there is to be none.
    pub(super) fn delay(&self, asset: &AssetSpec, attempts: u32, error: &Error, env: &dyn Env) -> Option<Duration> {
        if attempts > asset.retries.unwrap_or(self.retries) || !may_pass(error, asset.retry_any) {
            return None;
        }
        let first = asset.retry_delay.unwrap_or(self.retry_delay);
        let full = first.saturating_mul(2u32.saturating_pow(attempts.saturating_sub(1))).min(LONGEST_DELAY.max(first));
        // Between half of it and all of it, so that steps that failed together do not come back together.
        let share = env.random() >> 11;
        Some(full.mul_f64(0.5 + share as f64 / (1u64 << 54) as f64))
    }

    /// How long an attempt at a step may take.
    pub(super) fn timeout(&self, asset: &AssetSpec) -> Option<Duration> {
        asset.timeout.or(self.timeout)
    }

    /// How many steps of a pool run at once.
    pub(super) fn slots(&self, pool: &str) -> usize {
        self.pools.get(pool).copied().unwrap_or(POOL)
    }
}

/// Whether another attempt could end in another way.
fn may_pass(error: &Error, any: bool) -> bool {
    let never = matches!(
        error.kind(),
        ErrorKind::Superseded | ErrorKind::Interrupted | ErrorKind::Canceled | ErrorKind::Fingerprint | ErrorKind::Present
    );
    !never && (any || error.is_retryable())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::{AssetBuilder, ValueKind};
    use crate::exec::SystemEnv;

    #[test]
    fn pauses_double_with_jitter_up_to_a_limit_and_end_with_the_retries() {
        let asset = AssetBuilder::new("a", ValueKind::Object).body(|call| async move { call.produce_object(1) }).unwrap();
        let policy = Policy::from(RunSettings { retries: Some(40), ..RunSettings::default() });
        let env = SystemEnv::new();
        let passing = Error::new(ErrorKind::Io, "away").retryable();
        for (attempts, full) in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (40, 300)] {
            let delay = policy.delay(&asset, attempts, &passing, &env).unwrap();
            let full = Duration::from_secs(full);
            assert!(full / 2 <= delay && delay <= full, "{attempts}: {delay:?}");
        }
        let hour = Duration::from_hours(1);
        let slow = Policy { retry_delay: hour, ..policy.clone() };
        for attempts in [1, 2, 40] {
            let delay = slow.delay(&asset, attempts, &passing, &env).unwrap();
            assert!(hour / 2 <= delay && delay <= hour, "{attempts}: {delay:?}");
        }
        assert_eq!(policy.delay(&asset, 41, &passing, &env), None);
        assert_eq!(policy.delay(&asset, 1, &Error::new(ErrorKind::Body, "wrong"), &env), None);
        assert_eq!(policy.delay(&asset, 1, &Error::new(ErrorKind::Superseded, "late").retryable(), &env), None);
    }
}
