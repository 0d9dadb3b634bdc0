//! `kind = "memory"`.

use serde::Deserialize;

use crate::config::ConfigTable;
use crate::error::Result;
use crate::io::memory::MemoryIoManager;

#[derive(Deserialize)]
struct Memory {}

pub(super) fn store(table: &ConfigTable<'_>) -> Result<MemoryIoManager> {
    let Memory {} = table.read()?;
    Ok(MemoryIoManager::new())
}
