//! What happens in one run, on its way to the log: kept in order, written in batches.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::referee::LEASE;
use super::workshop::{Workshop, is_due};
use crate::env::{Env, Holder, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind};
use crate::state::{Beat, told_of};

/// A process that was last heard of longer ago asks whether the run is still its own before it stores or records anything.
const DOUBT: SignedDuration = SignedDuration::from_secs(30);

/// The events of a run that are not in the log yet. Whoever makes one does not wait for the log; the schedule has one batch written at a
/// time, so events are in the log, and told to subscribers, in the order in which they were made.
pub(crate) struct Journal {
    run: String,
    holder: Holder,
    /// When the log last heard that the run goes on.
    heard: Mutex<Clocks>,
    waiting: Mutex<Waiting>,
    /// Something is waiting.
    wake: Notify,
}

/// A moment, by both clocks. Leases go by the time of day; while a machine sleeps it goes on, and the clock that never goes back may not.
#[derive(Clone, Copy)]
struct Clocks {
    elapsed: Duration,
    now: Timestamp,
}

impl Clocks {
    fn of(env: &dyn Env) -> Self {
        Self { elapsed: env.elapsed(), now: env.now() }
    }

    /// Whether it is so long ago, by either clock, that others may have come to a conclusion. A time of day that was put back tells as
    /// little as one that is far ahead.
    fn is_doubtful(self, now: Self) -> bool {
        let elapsed = now.elapsed.saturating_sub(self.elapsed);
        elapsed >= DOUBT.unsigned_abs() || now.now.duration_since(self.now).abs() >= DOUBT
    }
}

#[derive(Default)]
struct Waiting {
    events: Vec<(Timestamp, EventKind)>,
    /// The log has failed: nothing that happens from now on would be known.
    failed: bool,
}

impl Journal {
    /// The journal of a run that this holder has just begun or taken over.
    pub(crate) fn new(run: String, holder: Holder, workshop: &Workshop) -> Self {
        let heard = Mutex::new(Clocks::of(workshop.env.as_ref()));
        Self { run, holder, heard, waiting: Mutex::default(), wake: Notify::new() }
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the run goes on, and hears what it is to do.
    ///
    /// # Errors
    /// If the log cannot be written, or the run is another's by now.
    pub(crate) fn beat(&self, workshop: &Workshop) -> Result<Beat> {
        // Before the log is asked, which may take long.
        let moment = Clocks::of(workshop.env.as_ref());
        let beat = workshop.state.beat(&self.run, &self.holder, moment.now)?;
        if beat == Beat::Lost {
            self.waiting().failed = true;
            let message = format!("the run `{}` was taken over by another process", self.run);
            let help = "this process was away for so long that it was taken for ended; what it committed counts once";
            return Err(Error::new(ErrorKind::Conflict, message).help(help));
        }
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = moment;
        Ok(beat)
    }

    /// Makes sure that the run is still carried out here: a process that stood still for too long may find that another has its run.
    ///
    /// # Errors
    /// As [`Journal::beat`].
    pub(crate) fn hold(&self, workshop: &Workshop) -> Result<()> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.is_doubtful(Clocks::of(workshop.env.as_ref())) { self.beat(workshop).map(drop) } else { Ok(()) }
    }

    /// Lets another take the run over at once, instead of when nobody has heard of this one for long enough.
    pub(crate) fn release(&self, workshop: &Workshop) {
        let long_ago = workshop.env.now() - LEASE;
        if let Err(error) = workshop.state.beat(&self.run, &self.holder, long_ago) {
            tracing::warn!(run = self.run, %error, "the run can only be gone on with in a minute");
        }
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

    /// How many events there are to write.
    pub(crate) fn len(&self) -> usize {
        self.waiting().events.len()
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As [`Journal::flush`], on a thread that may wait for the disk.
    pub(crate) fn write(self: Arc<Self>, workshop: &Arc<Workshop>) -> BoxFuture<'static, Result<()>> {
        let workshop = Arc::clone(workshop);
        Box::pin(async move { blocking(&Arc::clone(&workshop.env), move || self.flush(&workshop)).await })
    }

    /// Writes what there is, and tells it.
    pub(crate) fn flush(&self, workshop: &Workshop) -> Result<()> {
        let (events, failed) = {
            let mut waiting = self.waiting();
            if waiting.events.is_empty() {
                return Ok(());
            }
            // The next batch is about as large, and is not to be moved again and again while it grows.
            let room = Vec::with_capacity(waiting.events.len());
            (std::mem::replace(&mut waiting.events, room), waiting.failed)
        };
        let written = self.hold(workshop).and_then(|()| {
            // Behind what was lost it would hide the gap: nobody asks its store any more what became of a step that is said to be done.
            if failed { Ok(()) } else { workshop.tell(|| workshop.state.append_all(&self.run, events)) }
        });
        written.inspect_err(|_| self.waiting().failed = true)
    }
}

impl Workshop {
    /// Writes events to the log and tells them to everybody who listens, in one order for all.
    ///
    /// # Errors
    /// If the log cannot be written, or one who listens waits for this: for a run of the same lakehouse.
    pub(crate) fn tell(&self, append: impl FnOnce() -> Result<Vec<Event>>) -> Result<()> {
        let _telling = Telling::begin(self)?;
        let order = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = BTreeSet::new();
        for event in append()? {
            due.extend(told_of(&event.kind).filter(|_| is_due(event.cursor)).cloned());
            for subscriber in &self.subscribers {
                // Whoever listens must not be able to fail a run, least of all between a commit and its record.
                if catch_unwind(AssertUnwindSafe(|| subscriber(&event))).is_err() {
                    tracing::warn!(cursor = event.cursor, "a subscriber panicked at an event");
                }
            }
        }
        drop(order);
        self.sum_up(due);
        Ok(())
    }
}

thread_local! {
    /// The workshops whose subscribers this thread tells something, by where they are.
    static TELLING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// While this is there, this thread tells subscribers something.
struct Telling;

impl Telling {
    /// Refuses whoever is told something and has something else told meanwhile: the two would wait for each other.
    fn begin(workshop: &Workshop) -> Result<Self> {
        let place = std::ptr::from_ref(workshop).addr();
        TELLING.with_borrow_mut(|telling| {
            if telling.contains(&place) {
                let message = "a subscriber cannot wait for a run of the lakehouse that it hears events of";
                let help = "have another thread or task begin the run, and let the subscriber return";
                return Err(Error::new(ErrorKind::Unsupported, message).help(help));
            }
            telling.push(place);
            Ok(Self)
        })
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        TELLING.with_borrow_mut(Vec::pop);
    }
}
