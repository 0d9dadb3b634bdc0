//! What a store is: the one trait between assets and everything that keeps data.

#[cfg(feature = "bigquery")]
pub mod bigquery;
mod capabilities;
mod dataset;
mod defaults;
#[cfg(feature = "delta")]
pub mod delta;
#[cfg(feature = "duckdb")]
pub mod duckdb;
#[cfg(any(feature = "csv", feature = "ipc", feature = "json", feature = "parquet"))]
pub mod file;
pub mod files;
#[cfg(feature = "fs")]
pub mod fs;
mod landing;
pub mod maintenance;
pub mod memory;
#[cfg(any(feature = "bigquery", feature = "delta", feature = "duckdb"))]
mod merge;
#[cfg(any(feature = "delta", feature = "parquet"))]
mod parquet_options;
mod probe;
mod requests;
#[cfg(any(feature = "bigquery", feature = "delta", feature = "duckdb"))]
mod schema_mode;
#[cfg(any(feature = "bigquery", feature = "csv", feature = "delta", feature = "ipc", feature = "json", feature = "parquet"))]
#[allow(dead_code, reason = "each store has its own sort of sink")]
mod sink;
#[cfg(feature = "polars")]
#[cfg_attr(not(feature = "delta"), allow(dead_code, unused_imports, reason = "only tables of several partitions need all of it"))]
mod slicing;
pub mod storage;

use async_trait::async_trait;

pub use capabilities::{Capabilities, OptionDef, OptionKind, PartitionExprUse};
#[allow(unused_imports, reason = "for stores with options, of which there may be none")]
pub(crate) use capabilities::{set_option, with_options};
pub use dataset::dataset;
pub(crate) use defaults::{default_store_key, default_stores};
pub use landing::Landing;
pub use maintenance::{Maintained, Maintenance, PastVersion, StoredFile, Vacuum};
pub use probe::{Check, Probe};
pub use requests::{
    CommitState, Committed, Description, LoadRequest, Location, OwnedRequest, Present, RunInfo, Staged, StoreRequest,
};
#[cfg(feature = "polars")]
pub use slicing::{refuse_strays, rows_of};

use crate::asset::AssetSpec;
use crate::commit::CommitId;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::partition::PartitionKey;
use crate::slice::Slice;
use crate::value::Value;

/// A store: reads and writes the values of assets.
///
/// Storing is two steps. [`stage`](IoManager::stage) writes where no reader looks; [`commit`](IoManager::commit) makes what was
/// staged visible, all of it or nothing. Between the two, checks may look at what is about to become visible, and a process
/// that dies leaves nothing but files that nobody reads.
#[async_trait]
pub trait IoManager: Send + Sync + 'static {
    /// What the store can do, as values: looked at before anything runs, and what tests choose by.
    fn capabilities(&self) -> Capabilities;

    /// Where the asset is, or will be. Touches nothing, so that two assets on one table are found before anything runs.
    ///
    /// # Errors
    /// If the asset cannot be kept here as it is declared.
    fn locate(&self, asset: &AssetSpec, slice: &Slice) -> Result<Location>;

    /// Reads an asset, or a slice of it with the partitions in the order of keys, lazily where the store can; `None` if nothing is
    /// stored.
    ///
    /// # Errors
    /// If something is stored that cannot be read.
    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>>;

    /// Which of the partitions are there. One that was stored without a row is there.
    ///
    /// # Errors
    /// If something is stored that cannot be read.
    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        let Some(keys) = request.keys()? else {
            return Ok(Present::Whole(self.describe(request).await?.exists));
        };
        let mut present = keys.space().none();
        for index in keys.indices() {
            let slice = keys.only(index).slice();
            if self.describe(request.slice(&slice)).await?.exists {
                present.insert(index);
            }
        }
        Ok(Present::Keys(present))
    }

    /// As [`load`](IoManager::load), with each partition on its own, in the order of keys.
    ///
    /// # Errors
    /// As [`load`](IoManager::load).
    async fn load_each(&self, request: LoadRequest<'_>) -> Result<Vec<(PartitionKey, Option<Value>)>> {
        let Some(keys) = request.keys()? else {
            return Err(Error::new(ErrorKind::Internal, format!("`{}` is read whole, not by partition", request.asset.key)));
        };
        let mut values = Vec::new();
        for index in keys.indices() {
            let slice = keys.only(index).slice();
            values.push((keys.space().key(index), self.load(request.slice(&slice)).await?));
        }
        Ok(values)
    }

    /// Writes a value where readers do not see it: all rows of the slice, and none that belong to another.
    ///
    /// # Errors
    /// If it cannot be written, or a row does not belong to the slice; nothing visible has changed.
    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged>;

    /// Makes what was staged visible. The same id again is not committed again. One table changes atomically, whatever the number
    /// of partitions; where each partition is a table or a file of its own, each of them does.
    ///
    /// # Errors
    /// If it cannot; what was stored before is still what readers see.
    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed>;

    /// Removes what was staged and will not be committed. What is already gone is no error, and what readers see is never removed,
    /// even if it was staged here: the outcome of a commit that failed may not have been known.
    ///
    /// # Errors
    /// If it cannot be removed.
    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()>;

    /// What became of commits, in the same order. Where each partition is a table or a file of its own, one that was to store several may
    /// have landed in some: it has landed in the slice of the request if it has in all of its partitions.
    ///
    /// # Errors
    /// If the store cannot tell.
    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>>;

    /// What is stored now, from metadata alone.
    ///
    /// # Errors
    /// If something is stored that cannot be described.
    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description>;

    /// Removes what is stored for the slice.
    ///
    /// # Errors
    /// If the store does not support it, which is the default, or cannot.
    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        let message = format!("this store cannot delete `{}`", request.asset.key);
        Err(Error::new(ErrorKind::Unsupported, message).help("materialize it anew, or remove it with a tool of the store"))
    }

    /// Does something to what is stored beside storing rows. The slice of the request is the partitions that there are, or the one
    /// whose table is meant.
    ///
    /// # Errors
    /// If the store does not support it, which is the default, or cannot.
    async fn maintain(&self, request: StoreRequest<'_>, what: Maintenance) -> Result<Maintained> {
        let message = format!("the store of `{}` does not {what}", request.asset.key);
        Err(Error::new(ErrorKind::Unsupported, message)
            .help("only tables with versions are maintained, as those of the Delta store"))
    }

    /// Whether the store can be reached, written to and all else that it needs, found out by trying, without changing anything that is
    /// stored. A store with nothing to say beyond that can turn a result [into](Probe::from) a report.
    async fn probe(&self, env: &dyn Env) -> Probe;
}
