//! `kind = "parquet"` and the other formats of files.

use serde::Deserialize;

use super::options::Options;
use crate::config::{ConfigPath, ConfigTable};
use crate::error::Result;
use crate::io::IoManager;
use crate::io::file::{FileFormat, FileIoManager};

#[derive(Deserialize)]
struct Files {
    root: Option<ConfigPath>,
    #[serde(default)]
    options: Options,
}

pub(super) fn store<F: FileFormat + Default>(table: &ConfigTable<'_>) -> Result<FileIoManager<F>> {
    let files: Files = table.read()?;
    let folder = files.root.map_or_else(|| table.folder(), Into::into);
    let store = FileIoManager::<F>::new(folder);
    let options = files.options.pairs();
    table.check_options(&store.capabilities(), &options);
    Ok(options.into_iter().fold(store, |store, (name, value)| store.option(name, value)))
}
