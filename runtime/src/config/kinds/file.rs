//! `kind = "parquet"` and the other formats of files.

use serde::Deserialize;

use super::options::Options;
use super::storage::storage;
use crate::config::{ConfigPath, ConfigTable};
use crate::error::Result;
use crate::io::IoManager;
use crate::io::file::{FileFormat, FileIoManager};
use crate::io::storage::StorageConfig;

#[derive(Deserialize)]
struct Files {
    root: Option<ConfigPath>,
    #[serde(default)]
    storage: StorageConfig,
    #[serde(default)]
    options: Options,
}

pub(super) fn store<F: FileFormat + Default>(table: &ConfigTable<'_>) -> Result<FileIoManager<F>> {
    let files: Files = table.read()?;
    let store = FileIoManager::<F>::at(storage(table, files.root.as_ref(), &files.storage)?);
    let options = files.options.pairs();
    table.check_options(&store.capabilities(), &options);
    Ok(options.into_iter().fold(store, |store, (name, value)| store.option(name, value)))
}
