//! `kind = "duckdb"`, as a resource.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::options::OptionValue;
use super::time::Time;
use crate::config::{ConfigPath, ConfigTable};
use crate::duckdb::{DuckDb, DuckDbBuilder};
use crate::error::Result;

#[derive(Deserialize)]
struct Database {
    database: Option<ConfigPath>,
    #[serde(default)]
    settings: BTreeMap<String, OptionValue>,
    wait: Option<Time>,
}

pub(super) fn resource(table: &ConfigTable<'_>) -> Result<DuckDb> {
    let database: Database = table.read()?;
    let file = database.database.map_or_else(|| file_of(table), Into::into);
    Ok(builder(file, database.settings, database.wait).build())
}

/// `<root>/<key>.duckdb`
fn file_of(table: &ConfigTable<'_>) -> PathBuf {
    let mut folder = table.folder().into_os_string();
    folder.push(".duckdb");
    folder.into()
}

fn builder(database: PathBuf, settings: BTreeMap<String, OptionValue>, wait: Option<Time>) -> DuckDbBuilder {
    let builder = settings
        .into_iter()
        .fold(DuckDb::builder(database), |builder, (name, value)| builder.setting(name, value.into_inner().to_string()));
    match wait {
        Some(wait) => builder.wait(wait.duration()),
        None => builder,
    }
}
