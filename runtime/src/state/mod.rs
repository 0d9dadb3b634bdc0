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
    fn log_id(&self) -> &str;

    /// The next number for a commit of this slice: 1 at first, and greater each time.
    ///
    /// # Errors
    /// If it cannot be recorded.
    fn next_number(&self, asset: &AssetKey, slice: &Slice) -> Result<i64>;

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
}
