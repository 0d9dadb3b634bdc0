//! The log that is there without a word. This is the one place that chooses it.

use std::path::Path;
use std::sync::Arc;

use super::{MemoryState, State};
use crate::env::{Env, unique_id};

/// The log for a lakehouse under this root: on disk if anything that it stores outlives the process, else in memory. Opens nothing.
pub(crate) fn default_state(root: &Path, durable: bool, env: &Arc<dyn Env>) -> Arc<dyn State> {
    if durable { on_disk(root, env) } else { in_memory(env) }
}

#[cfg(feature = "sqlite")]
fn on_disk(root: &Path, env: &Arc<dyn Env>) -> Arc<dyn State> {
    Arc::new(super::SqliteState::new(state_file(root)).env(Arc::clone(env)))
}

/// Where the log in a file is unless it says otherwise.
#[cfg(feature = "sqlite")]
pub(crate) fn state_file(root: &Path) -> std::path::PathBuf {
    root.join(".lakewright").join("state.db")
}

#[cfg(not(feature = "sqlite"))]
fn on_disk(_root: &Path, env: &Arc<dyn Env>) -> Arc<dyn State> {
    in_memory(env)
}

fn in_memory(env: &Arc<dyn Env>) -> Arc<dyn State> {
    Arc::new(MemoryState::new(unique_id(env.as_ref())))
}
