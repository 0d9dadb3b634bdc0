//! What outlives a step: the log of events and the numbers of commits, behind one trait.

mod memory;

pub use memory::MemoryState;

use jiff::Timestamp;

use crate::error::Result;
use crate::event::{Event, EventKind};
use crate::key::AssetKey;
use crate::slice::Slice;

/// A log of events that issues the numbers of commits.
pub trait State: Send + Sync + 'static {
    /// Identifies the log. Commits of different logs are never taken for each other.
    ///
    /// # Errors
    /// If the log cannot be opened.
    fn log_id(&self) -> Result<String>;

    /// The number for the commit of this slice by this step of this run: 1 at first and greater for each further step, and the same
    /// again for a step that asks again. Durable when it returns.
    ///
    /// # Errors
    /// If it cannot be recorded.
    fn number(&self, asset: &AssetKey, slice: &Slice, run: &str, step: usize) -> Result<i64>;

    /// Appends an event and gives it its cursor.
    ///
    /// # Errors
    /// If it cannot be recorded.
    fn append(&self, run: &str, at: Timestamp, kind: EventKind) -> Result<Event>;

    /// Up to `limit` events after a cursor, oldest first.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>>;

    /// The keys of a dynamic set, in the order they were added; empty for a set that nobody has added to.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn keys(&self, set: &str) -> Result<Vec<String>>;

    /// Adds keys to a dynamic set, and returns those that were not there.
    ///
    /// # Errors
    /// If a key cannot be one, or the state cannot be written; then none is added.
    fn add_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>>;

    /// Removes keys from a dynamic set, and returns those that were there. What is stored for them stays.
    ///
    /// # Errors
    /// If the state cannot be written; then none is removed.
    fn remove_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>>;

    /// What became last of each slice of an asset that a run has tried, in the order of the events: a later one overrules an earlier
    /// one where they overlap.
    ///
    /// # Errors
    /// If the state cannot be read.
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
