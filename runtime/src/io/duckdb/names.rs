//! Where a table is: its names as DuckDB folds them, and as SQL has them.

use std::fmt;

use crate::asset::AssetSpec;
use crate::duckdb::quote;
use crate::error::{Error, ErrorKind, Result};
use crate::io::dataset;

/// The schema of everything that the store remembers and that is no table of an asset.
pub(super) const OWN: &str = "_lakewright";

/// A schema and a table, as the asset says them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    pub(super) schema: String,
    pub(super) table: String,
}

impl TableName {
    /// The table of an asset.
    pub(super) fn of(asset: &AssetSpec, configured: Option<&str>) -> Result<Self> {
        let schema = dataset(asset, configured)?;
        let table = asset.key.name().to_owned();
        if fold(&schema) == OWN {
            let message = format!("the schema `{schema}` is where the DuckDB store keeps what it remembers");
            return Err(Error::new(ErrorKind::SchemaName, message).help("choose another `schema`"));
        }
        if fold(&table).starts_with(STAGED) {
            let message = format!("tables whose names begin with `{STAGED}` are the DuckDB store's own");
            return Err(Error::new(ErrorKind::SchemaName, message).help("give the asset another name"));
        }
        Ok(Self { schema, table })
    }

    /// The names that DuckDB tells apart.
    pub(super) fn folded(&self) -> (String, String) {
        (fold(&self.schema), fold(&self.table))
    }

    /// As SQL has it, in this database: a schema may be called as the database is.
    pub(super) fn sql(&self, catalog: &str) -> String {
        format!("{}.{}.{}", quote(catalog), quote(&self.schema), quote(&self.table))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// How the names of tables begin that nobody is to read yet.
pub(super) const STAGED: &str = "_lakewright_staged_";

/// A name as DuckDB compares it.
pub(super) fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Whether DuckDB takes both for one name.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
