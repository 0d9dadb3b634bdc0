#![doc = include_str!("../README.md")]

// Generated code names this crate by absolute path, in its own documentation and tests too.
extern crate self as lakewright;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod asset;
mod call;
#[cfg(feature = "cli")]
pub mod cli;
mod commit;
mod context;
pub mod env;
mod error;
pub mod event;
pub mod exec;
pub mod frame;
mod graph;
pub mod io;
mod key;
mod lakehouse;
mod metadata;
pub mod partition;
pub mod prelude;
mod registry;
#[cfg(feature = "cli")]
pub mod report;
mod resource;
mod schema;
mod select;
mod settings;
mod slice;
pub mod state;
mod typed;
mod value;

#[cfg(feature = "arrow")]
pub use arrow;
pub use asset::{Asset, AssetBuilder, AssetDef, AssetSpec, Mode, ValueKind};
pub use call::{Call, Output, Produced};
pub use commit::CommitId;
pub use context::Context;
#[cfg(feature = "datafusion")]
pub use datafusion;
pub use error::{BoxError, Error, ErrorKind, Result};
pub use graph::Graph;
pub use io::IoManager;
pub use key::{AssetKey, path_segment};
pub use lakehouse::{BuildError, Lakehouse, LakehouseBuilder};
/// ```
/// use lakewright::prelude::*;
///
/// #[asset(io_manager = "memory", group = "raw", tags(team = "weather"))]
/// fn readings() -> Vec<f64> {
///     vec![47.8, 47.4]
/// }
///
/// /// The doc comment becomes the description.
/// #[asset(io_manager = "memory", code_version = "2", deps = [readings])]
/// async fn mean(#[input(from = readings)] values: Vec<f64>) -> Result<Output<f64>, String> {
///     let mean = values.iter().sum::<f64>() / values.len() as f64;
///     Ok(Output::new(mean).metadata("readings", i64::try_from(values.len()).map_err(|error| error.to_string())?))
/// }
///
/// assert_eq!(readings().len(), 2, "it is still a function");
/// ```
///
/// Options of the attribute: `name`, `key_prefix`, `schema`, `io_manager`, `partition_expr`, `mode`, `group`, `tags`, `owners`, `kinds`,
/// `description`, `metadata(…)`, `deps = […]`, `code_version`, `retries`, `pool`, `store(…)`; of `#[input(…)]` on a parameter: `from`,
/// `columns`. A mistake in any of them is a compile error under the token that is wrong; an option that is not honoured yet is an
/// error when the lakehouse is built.
pub use lakewright_macros::asset;
/// ```
/// use lakewright::prelude::*;
///
/// /// Another team's numbers.
/// #[external_asset(io_manager = "memory")]
/// fn theirs() -> Vec<i64>;
///
/// #[asset(io_manager = "memory")]
/// fn ours(theirs: Vec<i64>) -> i64 {
///     theirs.iter().sum()
/// }
/// ```
pub use lakewright_macros::external_asset;
pub use metadata::MetadataValue;
#[cfg(feature = "polars")]
pub use polars;
pub use registry::Registry;
pub use resource::Resource;
pub use schema::Column;
pub use select::select;
pub use settings::Config;
pub use slice::{KeyBox, KeyItem, Slice};
pub use value::{Bytes, Object, ObjectFormat, Value};

// The README of the repository: its snippets compile.
#[cfg(all(doctest, feature = "delta", feature = "parquet", feature = "csv", feature = "fs", feature = "cli"))]
#[doc = include_str!("../../README.md")]
struct Readme;
