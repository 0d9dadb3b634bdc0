//! What happens in one run, on its way to the log: kept in order, written in batches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::workshop::Workshop;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind};

/// The events of a run that are not in the log yet. Whoever makes one does not wait for the log; the schedule writes what there is
/// before it waits for anything else, so events are in the log, and told to subscribers, in the order in which they were made.
pub(crate) struct Journal {
    run: String,
    waiting: Mutex<Waiting>,
    /// Something is waiting.
    wake: Notify,
}

#[derive(Default)]
struct Waiting {
    events: Vec<(Timestamp, EventKind)>,
    /// The log has failed: nothing that happens from now on would be known.
    failed: bool,
}

impl Journal {
    pub(crate) fn new(run: String) -> Self {
        Self { run, waiting: Mutex::default(), wake: Notify::new() }
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened.
    ///
    /// # Errors
    /// If the log has failed before: a step that cannot be recorded does not go on.
    pub(crate) fn emit(&self, workshop: &Workshop, kind: EventKind) -> Result<()> {
        let at = workshop.env.now();
        let mut waiting = self.waiting();
        if waiting.failed {
            return Err(Error::new(ErrorKind::Interrupted, "the log of the run has failed, and the run ends"));
        }
        waiting.events.push((at, kind));
        drop(waiting);
        self.wake.notify_one();
        Ok(())
    }

    /// Waits until there is something to write.
    pub(crate) async fn filled(&self) {
        self.wake.notified().await;
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting().events.is_empty()
    }

    /// Writes what there is, and tells it.
    pub(crate) fn flush(&self, workshop: &Workshop) -> Result<()> {
        let events = std::mem::take(&mut self.waiting().events);
        if events.is_empty() {
            return Ok(());
        }
        workshop.tell(|| workshop.state.append_all(&self.run, events)).inspect_err(|_| self.waiting().failed = true)
    }
}

impl Workshop {
    /// Writes events to the log and tells them to everybody who listens, in one order for all.
    pub(crate) fn tell(&self, append: impl FnOnce() -> Result<Vec<Event>>) -> Result<()> {
        let _order = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        for event in append()? {
            for subscriber in &self.subscribers {
                // Whoever listens must not be able to fail a run, least of all between a commit and its record.
                if catch_unwind(AssertUnwindSafe(|| subscriber(&event))).is_err() {
                    tracing::warn!(cursor = event.cursor, "a subscriber panicked at an event");
                }
            }
        }
        Ok(())
    }
}
