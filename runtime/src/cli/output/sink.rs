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

/// Where lines go.
pub(super) struct Sink {
    /// The run of those of which nobody knows what they are of.
    run: Option<String>,
    sender: Sender,
    watcher: Mutex<Option<Watcher>>,
}

impl Sink {
    pub(super) fn new(run: Option<&str>, sender: Sender) -> Self {
        Self { run: run.map(str::to_owned), sender, watcher: Mutex::default() }
    }

    /// A line that one of these steps wrote: kept for the step if there is only one, and for the run if they are all of one.
    pub(super) fn line(&self, steps: &[StepOf], level: &str, target: &str, text: String) {
        let one = steps.first().filter(|first| steps.iter().all(|step| step.run == first.run));
        let Some(run) = one.map(|step| &step.run).or(self.run.as_ref()) else { return };
        let step = if let [only] = steps { Some(only.step) } else { None };
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
