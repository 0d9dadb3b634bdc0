//! Time that stands still, and randomness that is the same each time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::env::Env;
use crate::exec::SystemEnv;

/// When a clock stands that nobody has set: 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// From one state of the random numbers to the next.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The environment of a test: a clock that stands until it is moved, waits that are over at once, and random numbers that are the
/// same each time. What blocks runs on tokio's threads, as in a real run.
///
/// Clones are the same clock, so that a test, or a resource of it, can move the one that a run has.
///
/// ```
/// use std::time::Duration;
///
/// use lakewright::env::Env;
/// use lakewright::testing::TestEnv;
///
/// let env = TestEnv::at("2026-01-02T03:04:05Z".parse()?);
/// env.advance(Duration::from_secs(60));
/// assert_eq!(env.now().to_string(), "2026-01-02T03:05:05Z");
/// assert_eq!(env.elapsed(), Duration::from_secs(60));
/// # Ok::<(), lakewright::jiff::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TestEnv {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    start: Timestamp,
    elapsed: Mutex<Duration>,
    random: AtomicU64,
    threads: SystemEnv,
}

impl TestEnv {
    /// A clock that stands at 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self::at(START)
    }

    /// A clock that stands at this time.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        let inner = Inner { start, elapsed: Mutex::default(), random: AtomicU64::new(0), threads: SystemEnv::new() };
        Self { inner: Arc::new(inner) }
    }

    /// Random numbers from here on as they follow this seed; 0 without this.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        self.inner.random.store(seed, Ordering::Relaxed);
        self
    }

    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        let mut elapsed = self.inner.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        *elapsed = elapsed.saturating_add(by);
    }
}

impl Default for TestEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl Env for TestEnv {
    fn now(&self) -> Timestamp {
        self.inner.start.checked_add(self.elapsed()).unwrap_or(Timestamp::MAX)
    }

    fn elapsed(&self) -> Duration {
        *self.inner.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    fn random(&self) -> u64 {
        let state = self.inner.random.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let env = self.clone();
        Box::pin(async move {
            env.advance(duration);
            // Whoever waits for somebody else in a loop lets them go on.
            tokio::task::yield_now().await;
        })
    }

    fn tick(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.inner.threads.sleep(duration)
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, Result<(), String>> {
        self.inner.threads.run_blocking(job)
    }
}
