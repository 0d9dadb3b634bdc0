//! The pipeline as two assets.

use std::path::Path;

use lakewright::io::delta::DeltaIoManager;
use lakewright::io::file::ParquetIoManager;
use lakewright::prelude::*;

use crate::{Outcome, input};

/// The input, written by somebody else.
#[external_asset(io_manager = "parquet")]
fn readings() -> LazyFrame;

#[asset(io_manager = "delta", partition_expr = "group")]
fn weighted(readings: LazyFrame) -> LazyFrame {
    input::work(readings)
}

pub(crate) fn run(input: &Path, output: &Path) -> Outcome<u64> {
    let lakehouse = Lakehouse::builder()
        .registry(Registry::of(assets![weighted]))
        .io_manager("parquet", ParquetIoManager::new(input.parent().unwrap_or(Path::new("."))))
        .io_manager("delta", DeltaIoManager::new(output))
        .state(std::sync::Arc::new(lakewright::state::MemoryState::new("bench")))
        .build()?;
    let report = lakehouse.materialize_blocking("weighted")?;
    if let Some((_, failure)) = report.failures().next() {
        return Err(failure.message.clone().into());
    }
    Ok(report.materializations().filter_map(|stored| stored.rows).sum())
}
