//! A log that lives as long as the process.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::projection::{Projection, check_keys};
use super::{PartitionStatus, State};
use crate::error::Result;
use crate::event::{EVENT_VERSION, Event, EventKind};
use crate::key::AssetKey;
use crate::slice::Slice;

/// Keeps the log in memory: for tests, and for assets whose stores are in memory too.
///
/// ```
/// use lakewright::state::{MemoryState, State};
///
/// let state = MemoryState::new("3f9c2a7be1d04586");
/// assert_eq!(state.add_keys("regions", &["north".into(), "south".into()])?, ["north", "south"]);
/// assert_eq!(state.remove_keys("regions", &["north".into(), "east".into()])?, ["north"]);
/// assert_eq!(state.keys("regions")?, ["south"]);
/// # Ok::<(), lakewright::Error>(())
/// ```
pub struct MemoryState {
    id: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    events: Vec<Event>,
    /// The greatest number of each slice.
    numbers: HashMap<(AssetKey, Slice), i64>,
    /// What each step of each run was given.
    issued: HashMap<(AssetKey, Slice), HashMap<(String, usize), i64>>,
    keys: HashMap<String, Vec<String>>,
    projection: Projection,
    status: HashMap<AssetKey, HashMap<Slice, (u64, PartitionStatus)>>,
}

impl MemoryState {
    /// An empty log with this identity, which should be random.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State for MemoryState {
    fn log_id(&self) -> Result<String> {
        Ok(self.id.clone())
    }

    fn number(&self, asset: &AssetKey, slice: &Slice, run: &str, step: usize) -> Result<i64> {
        let Inner { numbers, issued, .. } = &mut *self.inner();
        let place = (asset.clone(), slice.clone());
        let number = issued.entry(place.clone()).or_default().entry((run.to_owned(), step)).or_insert_with(|| {
            let last = numbers.entry(place).or_default();
            *last += 1;
            *last
        });
        Ok(*number)
    }

    fn append(&self, run: &str, at: Timestamp, kind: EventKind) -> Result<Event> {
        let Inner { events, projection, status, .. } = &mut *self.inner();
        let first = || -> Result<_> { Ok(events.iter().find(|event| event.run == run).map(|event| event.kind.clone())) };
        let changes = projection.changes(run, &kind, first)?;
        let cursor = events.last().map_or(1, |event| event.cursor + 1);
        for (asset, slice, what) in changes {
            status.entry(asset).or_default().insert(slice, (cursor, what));
        }
        let event = Event { v: EVENT_VERSION, cursor, run: run.to_owned(), at, kind };
        events.push(event.clone());
        Ok(event)
    }

    fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        let inner = self.inner();
        let start = inner.events.partition_point(|event| event.cursor <= after);
        Ok(inner.events[start..].iter().take(limit).cloned().collect())
    }

    fn keys(&self, set: &str) -> Result<Vec<String>> {
        Ok(self.inner().keys.get(set).cloned().unwrap_or_default())
    }

    fn add_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        check_keys(set, keys)?;
        let mut inner = self.inner();
        let known = inner.keys.entry(set.to_owned()).or_default();
        let mut there: HashSet<String> = known.iter().cloned().collect();
        let added: Vec<String> = keys.iter().filter(|key| there.insert((*key).clone())).cloned().collect();
        known.extend(added.iter().cloned());
        Ok(added)
    }

    fn remove_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        let mut inner = self.inner();
        let Some(known) = inner.keys.get_mut(set) else { return Ok(Vec::new()) };
        let mut there: HashSet<&str> = known.iter().map(String::as_str).collect();
        let removed: Vec<String> = keys.iter().filter(|key| there.remove(key.as_str())).cloned().collect();
        let gone: HashSet<&str> = removed.iter().map(String::as_str).collect();
        known.retain(|key| !gone.contains(key.as_str()));
        Ok(removed)
    }

    fn partition_status(&self, asset: &AssetKey) -> Result<Vec<(Slice, PartitionStatus)>> {
        let inner = self.inner();
        let rows = inner.status.get(asset).into_iter().flatten();
        let mut rows: Vec<_> = rows.map(|(slice, (cursor, status))| (*cursor, slice.clone(), *status)).collect();
        rows.sort_by_key(|(cursor, ..)| *cursor);
        Ok(rows.into_iter().map(|(_, slice, status)| (slice, status)).collect())
    }
}
