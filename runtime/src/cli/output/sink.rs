//! Where lines go, and to which step they belong.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::queue::Sender;
use crate::state::LogLine;

/// The longest text of a line, in bytes; more is a line of its own.
pub(super) const LONGEST: usize = 64 << 10;

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StepOf {
    pub(super) run: String,
    pub(super) step: usize,
}

/// Hears when steps begin and end.
pub(super) type Watcher = Box<dyn Fn(&StepOf, bool) + Send>;

/// Where lines of a run go.
pub(super) struct Sink {
    run: String,
    sender: Sender,
    watcher: Mutex<Option<Watcher>>,
}

impl Sink {
    pub(super) fn new(run: &str, sender: Sender) -> Self {
        Self { run: run.to_owned(), sender, watcher: Mutex::default() }
    }

    /// A line that a step wrote, or nobody knows which.
    pub(super) fn line(&self, step: Option<&StepOf>, level: &str, target: &str, text: String) {
        let run = step.map_or(self.run.as_str(), |step| &step.run);
        let step = step.map(|step| step.step);
        let line = LogLine { step, at: Timestamp::now(), level: level.to_owned(), target: target.to_owned(), text };
        self.sender.send(run, line);
    }

    /// Tells somebody when steps begin and end from now on, or nobody.
    pub(super) fn watch(&self, watcher: Option<Watcher>) {
        *self.watcher() = watcher;
    }

    /// A step begins or ends.
    pub(super) fn step(&self, step: &StepOf, begins: bool) {
        if let Some(watcher) = &*self.watcher() {
            watcher(step, begins);
        }
    }

    fn watcher(&self) -> MutexGuard<'_, Option<Watcher>> {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
