//! What outlives a step: the log of events and the numbers of commits, behind one trait.

mod defaults;
mod memory;
mod projection;
#[cfg(feature = "sqlite")]
mod sqlite;

pub(crate) use defaults::default_state;
pub use memory::MemoryState;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteState;

use jiff::Timestamp;

use crate::error::Result;
use crate::event::{Event, EventKind};
use crate::key::AssetKey;
use crate::slice::Slice;

/// A log of events that issues the numbers of commits.
///
/// Every method takes effect whole or not at all, may be called from any thread, and waits: for a lock, or for the disk. "Durable"
/// means that a power cut after the method has returned takes nothing back, where the log is one that outlives the process.
///
/// ```
/// use lakewright::Slice;
/// use lakewright::state::{MemoryState, State};
///
/// let state = MemoryState::new("3f9c2a7be1d04586");
/// let iris = "iris".parse()?;
/// assert_eq!(state.number(&iris, &Slice::Whole, "run", 0)?, 1);
/// assert_eq!(state.number(&iris, &Slice::Whole, "run", 0)?, 1, "the same step again");
/// assert_eq!(state.number(&iris, &Slice::Whole, "another run", 0)?, 2);
/// # Ok::<(), lakewright::Error>(())
/// ```
pub trait State: Send + Sync + 'static {
    /// Identifies the log. Commits of different logs are never taken for each other. Durable: a log never changes its identity, and
    /// one that is made anew never has that of an earlier one.
    ///
    /// # Errors
    /// If the log cannot be opened.
    fn log_id(&self) -> Result<String>;

    /// The number for the commit of this slice by this step of this run: 1 at first and greater for each further step, and the same
    /// again for a step that asks again.
    ///
    /// Durable: a number that were lost and issued again would make a later commit look like one that has already been made. And so
    /// is every event that was appended before it.
    ///
    /// # Errors
    /// If it cannot be recorded. It is [retryable](crate::Error::is_retryable) if another process held the log for too long.
    fn number(&self, asset: &AssetKey, slice: &Slice, run: &str, step: usize) -> Result<i64>;

    /// Appends an event and gives it its cursor, and brings [`State::partition_status`] up to date with it in the same transaction.
    ///
    /// Durable for the first and the last event of a run. Any other is so with the next durable call at the latest: a power cut
    /// before that may take the newest events back, and their cursors are then given again. Nothing that a store has committed
    /// depends on them.
    ///
    /// # Errors
    /// If it cannot be recorded; then neither is the status.
    fn append(&self, run: &str, at: Timestamp, kind: EventKind) -> Result<Event>;

    /// Up to `limit` events after a cursor, oldest first. An event that is there is never preceded by one that appears later.
    ///
    /// # Errors
    /// If the log cannot be read, or holds events of a newer program.
    fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>>;

    /// The keys of a dynamic set, in the order they were added; empty for a set that nobody has added to.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn keys(&self, set: &str) -> Result<Vec<String>>;

    /// Adds keys to a dynamic set, and returns those that were not there, each once. Durable.
    ///
    /// # Errors
    /// If a key cannot be one, or the state cannot be written; then none is added.
    fn add_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>>;

    /// Removes keys from a dynamic set, and returns those that were there. What is stored for them stays. Durable.
    ///
    /// # Errors
    /// If the state cannot be written; then none is removed.
    fn remove_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>>;

    /// What became last of each slice of an asset that a run has tried, in the order of the events: a later one overrules an earlier
    /// one where they overlap. One row for each slice, as durable as the events it comes from.
    ///
    /// # Errors
    /// If the state cannot be read, or names slices that only a newer program knows.
    fn partition_status(&self, asset: &AssetKey) -> Result<Vec<(Slice, PartitionStatus)>>;
}

/// What became of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PartitionStatus {
    /// It was stored.
    Materialized,
    /// The step that was to store it failed.
    Failed,
}
