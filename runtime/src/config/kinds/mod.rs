//! The kinds of stores and resources that a configuration may name. This is the one list of them.

#[cfg(feature = "bigquery")]
mod bigquery;
#[cfg(feature = "delta")]
mod delta;
#[cfg(feature = "duckdb")]
mod duckdb;
#[cfg(any(feature = "csv", feature = "ipc", feature = "json", feature = "parquet"))]
mod file;
#[cfg(feature = "fs")]
mod fs;
mod memory;
#[cfg(any(
    feature = "bigquery",
    feature = "csv",
    feature = "delta",
    feature = "duckdb",
    feature = "ipc",
    feature = "json",
    feature = "parquet"
))]
mod options;
mod state;
#[cfg(any(feature = "csv", feature = "delta", feature = "fs", feature = "ipc", feature = "json", feature = "parquet"))]
mod storage;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::table::ConfigTable;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::io::IoManager;
use crate::resource::Binding;
use crate::state::State;

type StoreKind = Arc<dyn Fn(&ConfigTable<'_>) -> Result<Arc<dyn IoManager>> + Send + Sync>;
type ResourceKind = Arc<dyn Fn(&ConfigTable<'_>) -> Result<Binding> + Send + Sync>;
type StateKind = Arc<dyn Fn(&ConfigTable<'_>) -> Result<MakeState> + Send + Sync>;

/// A log, once it is known where time and randomness come from.
pub(crate) type MakeState = Box<dyn FnOnce(&Arc<dyn Env>) -> Arc<dyn State> + Send + Sync>;

/// Every kind that could be here, with the feature that brings it.
const FEATURES: &[(&str, &str, &str)] = &[
    ("stores", "delta", "delta"),
    ("stores", "parquet", "parquet"),
    ("stores", "csv", "csv"),
    ("stores", "json", "json"),
    ("stores", "ipc", "ipc"),
    ("stores", "fs", "fs"),
    ("stores", "duckdb", "duckdb"),
    ("stores", "bigquery", "bigquery"),
    ("resources", "duckdb", "duckdb"),
    ("the log", "sqlite", "sqlite"),
    ("the log", "postgres", "postgres"),
];

/// What a `kind` in the configuration means.
#[derive(Clone)]
pub(crate) struct Kinds {
    stores: BTreeMap<String, StoreKind>,
    resources: BTreeMap<String, ResourceKind>,
    states: BTreeMap<String, StateKind>,
}

impl Default for Kinds {
    fn default() -> Self {
        let mut kinds = Self { stores: BTreeMap::new(), resources: BTreeMap::new(), states: BTreeMap::new() };
        kinds.add_store("memory", memory::store);
        #[cfg(feature = "delta")]
        kinds.add_store("delta", delta::store);
        #[cfg(feature = "parquet")]
        kinds.add_store("parquet", file::store::<crate::io::file::Parquet>);
        #[cfg(feature = "csv")]
        kinds.add_store("csv", file::store::<crate::io::file::Csv>);
        #[cfg(feature = "json")]
        kinds.add_store("json", file::store::<crate::io::file::JsonLines>);
        #[cfg(feature = "ipc")]
        kinds.add_store("ipc", file::store::<crate::io::file::Ipc>);
        #[cfg(feature = "duckdb")]
        kinds.add_store("duckdb", duckdb::store);
        #[cfg(feature = "bigquery")]
        kinds.add_store("bigquery", bigquery::store);
        #[cfg(feature = "duckdb")]
        kinds.add_resource("duckdb", duckdb::resource);
        #[cfg(feature = "fs")]
        kinds.add_store("fs", fs::store);
        kinds.add_state("memory", state::memory);
        #[cfg(feature = "sqlite")]
        kinds.add_state("sqlite", state::sqlite);
        #[cfg(feature = "postgres")]
        kinds.add_state("postgres", state::postgres);
        kinds
    }
}

impl Kinds {
    /// Adds a kind of stores, in the place of one of that name.
    pub(crate) fn add_store<S: IoManager>(
        &mut self,
        kind: impl Into<String>,
        make: impl Fn(&ConfigTable<'_>) -> Result<S> + Send + Sync + 'static,
    ) {
        let make = move |table: &ConfigTable<'_>| make(table).map(|store| Arc::new(store) as Arc<dyn IoManager>);
        self.stores.insert(kind.into(), Arc::new(make));
    }

    /// Adds a kind of resources, in the place of one of that name.
    pub(crate) fn add_resource<R: Send + Sync + 'static>(
        &mut self,
        kind: impl Into<String>,
        make: impl Fn(&ConfigTable<'_>) -> Result<R> + Send + Sync + 'static,
    ) {
        self.resources.insert(kind.into(), Arc::new(move |table| make(table).map(Binding::new)));
    }

    /// Adds a kind of logs.
    fn add_state(&mut self, kind: &str, make: fn(&ConfigTable<'_>) -> Result<MakeState>) {
        self.states.insert(kind.to_owned(), Arc::new(make));
    }

    pub(super) fn state(&self, table: &ConfigTable<'_>, errors: &mut Vec<Error>) -> Option<MakeState> {
        make(&self.states, "the log", table, errors)
    }

    pub(super) fn store(&self, table: &ConfigTable<'_>, errors: &mut Vec<Error>) -> Option<Arc<dyn IoManager>> {
        make(&self.stores, "stores", table, errors)
    }

    pub(super) fn resource(&self, table: &ConfigTable<'_>, errors: &mut Vec<Error>) -> Option<Binding> {
        make(&self.resources, "resources", table, errors)
    }
}

type Make<T> = Arc<dyn Fn(&ConfigTable<'_>) -> Result<T> + Send + Sync>;

fn make<T>(kinds: &BTreeMap<String, Make<T>>, of: &str, table: &ConfigTable<'_>, errors: &mut Vec<Error>) -> Option<T> {
    let found = kind(kinds, of, table);
    let made = found.map_err(|error| vec![error]).and_then(|make| table.finish(make(table)));
    made.map_err(|mut wrong| errors.append(&mut wrong)).ok()
}

/// The kind that a table names; without `kind`, its key.
fn kind<'k, T>(kinds: &'k BTreeMap<String, Make<T>>, of: &str, table: &ConfigTable<'_>) -> Result<&'k Make<T>> {
    let node = table.node.table().and_then(|fields| fields.get("kind"));
    let place = node.map_or(&table.node.place, |node| &node.place);
    let wrong = |message: String, help: String| Error::new(ErrorKind::Config, message).with("at", place).help(help);
    let known = || kinds.keys().map(String::as_str);
    let kind = match node.map(|node| node.text()) {
        Some(Some(text)) => text.value.as_str(),
        Some(None) => {
            let found = node.map_or("nothing", super::node::Node::describe);
            return Err(wrong(
                format!("`{}.kind` takes text, not {found}", table.path),
                known_names("", &format!("kinds of {of}"), known()),
            ));
        }
        None => table.key,
    };
    if let Some(make) = kinds.get(kind) {
        return Ok(make);
    }
    if let Some((.., feature)) = FEATURES.iter().find(|(section, known, _)| (*section, *known) == (of, kind)) {
        let message = format!("this program is built without `{kind}`, which `{}` asks for", table.path);
        return Err(wrong(message, format!("turn on the feature `{feature}` of `lakewright` in its Cargo.toml")));
    }
    let help = known_names(kind, &format!("kinds of {of}"), known());
    Err(match node {
        Some(_) => wrong(format!("there is no kind `{kind}` of {of}, as `{}` asks for", table.path), help),
        None => wrong(format!("`{}` does not say its `kind`, and its key is none", table.path), help),
    })
}
