//! The real environment: the clock of the machine, its randomness, and tokio's threads.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::env::Env;

/// The environment of a real run. Needs a tokio runtime around it.
#[derive(Debug, Clone)]
pub struct SystemEnv {
    start: Instant,
}

impl SystemEnv {
    /// The environment, with its clock at zero.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl Env for SystemEnv {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn random(&self) -> u64 {
        rand::random()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, Result<(), String>> {
        let span = tracing::Span::current();
        let running = tokio::task::spawn_blocking(move || span.in_scope(job));
        Box::pin(async move {
            running.await.map_err(|error| match error.try_into_panic() {
                Ok(payload) => panic_message(payload.as_ref()),
                Err(_) => "the runtime is shutting down".to_owned(),
            })
        })
    }
}

/// What a panic said.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
