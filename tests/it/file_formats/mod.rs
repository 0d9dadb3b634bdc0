//! CSV, JSON lines, Arrow IPC and formats of one's own: types, options, files of others, and what is refused.

mod conformance;
mod declared;
mod hostile;
mod options;
mod own;
mod types;

use lakewright::prelude::*;
use tempfile::TempDir;

use crate::support::{block_on, frame_builder, key, lakehouse};

/// The extension of the files of a default store.
pub(crate) fn extension(store: &str) -> &str {
    match store {
        "json" => "jsonl",
        "ipc" => "arrow",
        other => other,
    }
}

/// A lakehouse with an asset `t` of this frame in this store.
fn holding(root: &TempDir, store: &str, frame: DataFrame) -> Lakehouse {
    let asset = frame_builder("t", frame, |asset| asset.io_manager(store));
    lakehouse(root, [asset]).build().unwrap()
}

#[track_caller]
fn load(lakehouse: &Lakehouse, asset: &str) -> DataFrame {
    block_on(lakehouse.load_frame(&key(asset))).unwrap()
}
