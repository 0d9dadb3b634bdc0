//! Trying a transaction again while others get in its way.

use std::sync::Arc;
use std::time::Duration;

use super::names::TableName;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};

/// How often a transaction that lost a race is tried again.
const ATTEMPTS: u32 = 20;

/// Tries a blocking call again while others get in its way.
pub(super) async fn retrying<T: Send + 'static>(
    env: &Arc<dyn Env>,
    name: &TableName,
    call: impl Fn() -> Result<T> + Send + Sync + 'static,
) -> Result<T> {
    let call = Arc::new(call);
    let mut lost = None;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            env.sleep(backoff(attempt, env.random())).await;
        }
        let call = Arc::clone(&call);
        match blocking(env, move || call()).await {
            Err(error) if is_conflict(&error) => lost = Some(error),
            outcome => return outcome,
        }
    }
    let message = format!("the table `{name}` was changed by others {ATTEMPTS} times while this run tried to commit");
    let error = Error::new(ErrorKind::Conflict, message).retryable();
    Err(match lost {
        Some(cause) => error.source(cause),
        None => error,
    })
}

/// Whether somebody else was faster, so that another try may do better.
fn is_conflict(error: &Error) -> bool {
    let of_transaction = error.kind() == ErrorKind::Conflict && error.is_retryable();
    // Two that are the first to write a table find out when they commit. What else keeps a transaction from being committed, such as a
    // full disk, is nobody's doing. DuckDB says of neither what sort of error it is.
    let says = |text: &str| error.message().contains(text);
    of_transaction
        || says("write-write conflict")
        || says("Duplicate key \"table_schema: ")
        || says("Failed to commit: PRIMARY KEY or UNIQUE")
        || says("Failed to commit: Could not commit ")
}

/// From 5 ms, doubled each time up to 640 ms, with as much again of jitter so that rivals part.
fn backoff(attempt: u32, random: u64) -> Duration {
    let base = 5 << attempt.min(7);
    Duration::from_millis(base + random % base)
}
