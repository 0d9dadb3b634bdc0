//! How runs begin, end early and go on, and what steps may take.

mod attempts;
mod clocks;
mod deaf;
mod ends;
mod late;
mod once;
mod partly;
mod repaired;
mod room;
mod told;
mod torn;
mod wiped;

use std::sync::Arc;
use std::time::Duration;

use lakewright::prelude::*;
use lakewright::state::{MemoryState, State};
use lakewright::{AssetBuilder, AssetSpec, LakehouseBuilder};

/// A log that several lakehouses share, as processes would a file.
fn log() -> Arc<MemoryState> {
    Arc::new(MemoryState::new("0123456789abcdef"))
}

/// A lakehouse of these assets with this log. Everything in it is in memory.
fn lakehouse(log: &Arc<MemoryState>, assets: impl IntoIterator<Item = AssetSpec>) -> LakehouseBuilder {
    let state: Arc<dyn State> = Arc::clone(log) as _;
    Lakehouse::builder().registry(Registry::from_specs(assets)).state(state)
}

/// An asset in memory, before its body.
fn asset(key: &str) -> AssetBuilder {
    AssetBuilder::new(key, ValueKind::Object).io_manager("memory").retry_delay(Duration::from_millis(1))
}
