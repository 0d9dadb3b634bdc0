//! A log that lives as long as the process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::State;
use crate::error::Result;
use crate::event::{EVENT_VERSION, Event, EventKind};
use crate::key::AssetKey;
use crate::slice::Slice;

/// Keeps the log in memory.
pub struct MemoryState {
    id: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    events: Vec<Event>,
    numbers: HashMap<(AssetKey, Slice), i64>,
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

    fn number(&self, asset: &AssetKey, slice: &Slice, _run: &str, _step: usize) -> Result<i64> {
        let mut inner = self.inner();
        let number = inner.numbers.entry((asset.clone(), slice.clone())).or_default();
        *number += 1;
        Ok(*number)
    }

    fn append(&self, run: &str, at: Timestamp, kind: EventKind) -> Result<Event> {
        let mut inner = self.inner();
        let cursor = inner.events.last().map_or(1, |event| event.cursor + 1);
        let event = Event { v: EVENT_VERSION, cursor, run: run.to_owned(), at, kind };
        inner.events.push(event.clone());
        Ok(event)
    }

    fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        let inner = self.inner();
        let start = inner.events.partition_point(|event| event.cursor <= after);
        Ok(inner.events[start..].iter().take(limit).cloned().collect())
    }

    fn keys(&self, _set: &str) -> Result<Vec<String>> {
        unimplemented!()
    }

    fn add_keys(&self, _set: &str, _keys: &[String]) -> Result<Vec<String>> {
        unimplemented!()
    }

    fn remove_keys(&self, _set: &str, _keys: &[String]) -> Result<Vec<String>> {
        unimplemented!()
    }

    fn partition_status(&self, _asset: &AssetKey) -> Result<Vec<(Slice, super::PartitionStatus)>> {
        unimplemented!()
    }
}
