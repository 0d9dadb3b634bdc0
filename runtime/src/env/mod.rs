//! Everything that makes a run different from another: time, randomness and blocking calls.
//!
//! All of it goes through one [`Env`], so that a simulation can own it. The real one is [`SystemEnv`](crate::exec::SystemEnv).

mod holder;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

pub use holder::Holder;

use crate::error::{Error, ErrorKind, Result};

/// Time, randomness and threads.
pub trait Env: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// A clock that never goes back, from an arbitrary start.
    fn elapsed(&self) -> Duration;

    /// 64 random bits, for identifiers and jitter.
    fn random(&self) -> u64;

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Waits for what only the machine goes by: when a run says again that it goes on, or how long an attempt may take. Where time stands
    /// still until somebody moves it, this goes on.
    fn tick(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }

    /// Runs something that may block where it holds up nothing else. A panic of the job is `Err` with its message.
    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, Result<(), String>>;

    /// Who carries out what is carried out here: this process, under a name that it has given nobody else.
    fn holder(&self) -> Holder {
        Holder::here(self.random())
    }

    /// Whether it is known that this one is no more. False if it goes on, or if nobody can tell from here.
    fn is_gone(&self, holder: &Holder) -> bool {
        holder.is_gone()
    }
}

/// Runs a blocking closure through the environment and waits for what it returns.
///
/// # Errors
/// What the closure returns, or [`ErrorKind::Panic`] if it panicked.
pub async fn blocking<T, F>(env: &Arc<dyn Env>, job: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let slot = Arc::new(Mutex::new(None));
    let filled = Arc::clone(&slot);
    let done = env.run_blocking(Box::new(move || {
        let result = job();
        *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }));
    done.await.map_err(|message| Error::new(ErrorKind::Panic, format!("panicked: {message}")))?;
    let result = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    result.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "a blocking call ended without a result")))
}

/// A short identifier that no other process makes: 16 hexadecimal digits.
pub fn unique_id(env: &dyn Env) -> String {
    format!("{:016x}", env.random())
}
