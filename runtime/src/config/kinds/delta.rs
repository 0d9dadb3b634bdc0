//! `kind = "delta"`.

use serde::Deserialize;

use super::options::Options;
use super::storage::storage;
use crate::asset::Mode;
use crate::config::{ConfigPath, ConfigTable};
use crate::error::Result;
use crate::io::IoManager;
use crate::io::delta::DeltaIoManager;
use crate::io::storage::StorageConfig;

#[derive(Deserialize)]
struct Delta {
    root: Option<ConfigPath>,
    #[serde(default)]
    storage: StorageConfig,
    schema: Option<String>,
    mode: Option<Mode>,
    #[serde(default)]
    options: Options,
}

pub(super) fn store(table: &ConfigTable<'_>) -> Result<DeltaIoManager> {
    let delta: Delta = table.read()?;
    let mut store = DeltaIoManager::at(storage(table, delta.root.as_ref(), &delta.storage)?);
    if let Some(schema) = delta.schema {
        store = store.schema(schema);
    }
    if let Some(mode) = delta.mode {
        store = store.mode(mode);
    }
    let options = delta.options.pairs();
    table.check_options(&store.capabilities(), &options);
    Ok(options.into_iter().fold(store, |store, (name, value)| store.option(name, value)))
}
