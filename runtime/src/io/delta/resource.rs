//! Delta tables for bodies that want more of them than rows: a resource.

use deltalake_core::DeltaTable;
use polars::prelude::LazyFrame;

use super::opened::Opened;
use super::source::Source;
use super::{DeltaIoManager, read, table};
use crate::asset::{AssetBuilder, ValueKind};
use crate::error::{Error, ErrorKind, Result};
use crate::io::storage::Storage;

/// The tables of a Delta store for direct use: what delta-rs can do with a table, and scans of any version of it.
///
/// A table is named as an asset is, `schema/name` or `name`. What a body does to it by itself is not recorded, and is not committed
/// once as outputs are; tables that assets write are best left to them.
///
/// ```no_run
/// use lakewright::io::delta::{DeltaIoManager, DeltaTables};
/// use lakewright::prelude::*;
///
/// #[asset(io_manager = "memory")]
/// async fn versions(tables: Resource<DeltaTables>) -> Result<Vec<i64>> {
///     let orders = tables.table("shop/orders").await?;
///     Ok(vec![orders.version().and_then(|version| i64::try_from(version).ok()).unwrap_or_default()])
/// }
///
/// # fn main() -> Result<()> {
/// let lakehouse = Lakehouse::builder().resource("tables", DeltaTables::new(DeltaIoManager::new("lakehouse/delta"))).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DeltaTables {
    store: DeltaIoManager,
}

impl DeltaTables {
    /// The tables of this store.
    #[must_use]
    pub fn new(store: DeltaIoManager) -> Self {
        Self { store }
    }

    /// A table at its newest version, as delta-rs has it.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub async fn table(&self, name: &str) -> Result<DeltaTable> {
        self.opened(name, None).await.map(|(_, opened)| opened.into_table())
    }

    /// A table at a version.
    ///
    /// # Errors
    /// If there is no such table or version, or it cannot be read.
    pub async fn table_at(&self, name: &str, version: i64) -> Result<DeltaTable> {
        self.opened(name, Some(version)).await.map(|(_, opened)| opened.into_table())
    }

    /// A lazy scan of a table, or of a version of it.
    ///
    /// # Errors
    /// As [`table_at`](Self::table_at).
    pub async fn scan(&self, name: &str, version: Option<i64>) -> Result<LazyFrame> {
        let (path, table) = self.opened(name, version).await?;
        let source = Source::new(&path, &table).await?;
        read::scan(&source, &table, None, None)
    }

    async fn opened(&self, name: &str, version: Option<i64>) -> Result<(Storage, Opened)> {
        let asset = AssetBuilder::new(name, ValueKind::Table).external()?;
        let path = self.store.asset_path(&asset)?;
        let missing = || {
            let message = format!("there is no Delta table in `{}`", path.display());
            Error::new(ErrorKind::Missing, message).with("table", format!("`{name}`"))
        };
        let newest = table::open_once(&path).await?.ok_or_else(missing)?;
        let table = match version {
            None => newest,
            Some(version) => table::at_version(&path, &newest, version).await?,
        };
        Ok((path, table))
    }
}
