//! `kind = "duckdb"`, as a store and as a resource.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::super::units::Time;
use super::options::{OptionValue, Options};
use crate::asset::Mode;
use crate::config::{ConfigPath, ConfigTable};
use crate::duckdb::DuckDb;
use crate::error::Result;
use crate::io::IoManager;
use crate::io::duckdb::DuckDbIoManager;

#[derive(Deserialize)]
struct Resource {
    database: Option<ConfigPath>,
    #[serde(default)]
    settings: BTreeMap<String, OptionValue>,
    wait: Option<Time>,
}

#[derive(Deserialize)]
struct Store {
    database: Option<ConfigPath>,
    #[serde(default)]
    settings: BTreeMap<String, OptionValue>,
    wait: Option<Time>,
    schema: Option<String>,
    mode: Option<Mode>,
    #[serde(default)]
    options: Options,
}

pub(super) fn store(table: &ConfigTable<'_>) -> Result<DuckDbIoManager> {
    let store: Store = table.read()?;
    let database = store.database.map_or_else(|| file_of(table), Into::into);
    let made = DuckDbIoManager::new(database);
    let mut made = store.settings.iter().fold(made, |made, (name, value)| made.setting(name, value.text()));
    if let Some(wait) = store.wait {
        made = made.wait(wait.duration());
    }
    if let Some(schema) = store.schema {
        made = made.schema(schema);
    }
    if let Some(mode) = store.mode {
        made = made.mode(mode);
    }
    let options = store.options.pairs();
    table.check_options(&made.capabilities(), &options);
    Ok(options.into_iter().fold(made, |store, (name, value)| store.option(name, value)))
}

pub(super) fn resource(table: &ConfigTable<'_>) -> Result<DuckDb> {
    let resource: Resource = table.read()?;
    let file = resource.database.map_or_else(|| file_of(table), Into::into);
    let builder = resource.settings.iter().fold(DuckDb::builder(file), |made, (name, value)| made.setting(name, value.text()));
    Ok(match resource.wait {
        Some(wait) => builder.wait(wait.duration()).build(),
        None => builder.build(),
    })
}

/// The file of the default store of this key.
fn file_of(table: &ConfigTable<'_>) -> PathBuf {
    table.folder().join("lakewright.duckdb")
}
