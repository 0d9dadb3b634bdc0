//! `kind = "fs"`.

use serde::Deserialize;

use super::storage::storage;
use crate::config::{ConfigPath, ConfigTable};
use crate::error::Result;
use crate::io::fs::FsIoManager;
use crate::io::storage::StorageConfig;
use crate::value::ObjectFormat;

#[derive(Deserialize)]
struct Objects {
    root: Option<ConfigPath>,
    #[serde(default)]
    storage: StorageConfig,
    format: Option<Format>,
}

/// How objects are written, by the names that `store(format = …)` takes.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    MsgPack,
}

pub(super) fn store(table: &ConfigTable<'_>) -> Result<FsIoManager> {
    let objects: Objects = table.read()?;
    let store = FsIoManager::at(storage(table, objects.root.as_ref(), &objects.storage)?);
    Ok(match objects.format {
        None => store,
        Some(Format::Json) => store.format(ObjectFormat::Json),
        Some(Format::MsgPack) => store.format(ObjectFormat::MessagePack),
    })
}
