//! What steps write while a run goes on: to the terminal as ever, and into the log.

#[cfg(unix)]
mod capture;
#[cfg(not(unix))]
#[path = "no_capture.rs"]
mod capture;
mod kept;
mod layer;
mod queue;
mod sink;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

pub use kept::KeptLines;
pub use layer::LogLayer;

use capture::Capture;
use layer::Recorded;
use queue::Queue;
use sink::Sink;

use super::complain;
use crate::lakehouse::Lakehouse;

/// How long the end of the process waits for what was written before it.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Shows on the terminal what was printed.
pub(super) type Tee = Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// Records what steps write, until it is finished or dropped.
#[derive(Clone, Default)]
pub(super) struct Recorder {
    inner: Arc<Mutex<Option<Recording>>>,
}

struct Recording {
    capture: Option<Capture>,
    recorded: Option<Recorded>,
    queue: Queue,
}

impl Recorder {
    /// Nothing is recorded.
    pub(super) fn off() -> Self {
        Self::default()
    }

    /// Records what is traced at this level or above, and what is printed. `around` is called with each piece of writing to the
    /// terminal; with `apart`, what is printed to standard output is shown on standard error. What no step can be found for is of `run`.
    /// Of no level, nothing is recorded, and what is printed goes where it always does.
    pub(super) fn start(lakehouse: &Lakehouse, run: Option<&str>, level: LevelFilter, around: &Tee, apart: bool) -> Self {
        if level == LevelFilter::OFF {
            return Self::off();
        }
        let queue = Queue::start(lakehouse.clone(), false);
        let sink = Arc::new(Sink::new(run, queue.sender()));
        let recorded = Some(layer::record(Arc::clone(&sink)));
        // Whoever has a subscriber of their own adds the layer to it.
        drop(tracing::subscriber::set_global_default(
            Registry::default().with(LogLayer::new().with_filter(layer::filter(level))),
        ));
        let capture = match Capture::start(&sink, around, apart) {
            Ok(capture) => capture,
            Err(error) => {
                complain(&format!("what is printed is not kept: {error}"));
                None
            }
        };
        Self { inner: Arc::new(Mutex::new(Some(Recording { capture, recorded, queue }))) }
    }

    /// Waits until all that was written is on the terminal and in the log.
    pub(super) fn finish(&self) {
        self.end(None);
    }

    /// As [`Recorder::finish`], for a process that is about to end: does not wait for long.
    pub(super) fn stop(&self) {
        self.end(Some(AT_ONCE));
    }

    fn end(&self, patience: Option<Duration>) {
        let recording = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut recording) = recording else { return };
        if let Some(capture) = recording.capture.take() {
            capture.end(patience);
        }
        drop(recording.recorded.take());
        if let Some(trouble) = recording.queue.end(patience) {
            complain(&trouble);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // Also when a panic goes through: the terminal gets all that was written.
        if let Some(capture) = self.capture.take() {
            capture.end(Some(AT_ONCE));
        }
    }
}
