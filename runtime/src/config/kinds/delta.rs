//! `kind = "delta"`.

use serde::Deserialize;

use super::options::Options;
use crate::asset::Mode;
use crate::config::{ConfigPath, ConfigTable};
use crate::error::Result;
use crate::io::IoManager;
use crate::io::delta::DeltaIoManager;

#[derive(Deserialize)]
struct Delta {
    root: Option<ConfigPath>,
    schema: Option<String>,
    mode: Option<Mode>,
    #[serde(default)]
    options: Options,
}

pub(super) fn store(table: &ConfigTable<'_>) -> Result<DeltaIoManager> {
    let delta: Delta = table.read()?;
    let mut store = DeltaIoManager::new(delta.root.map_or_else(|| table.folder(), Into::into));
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
