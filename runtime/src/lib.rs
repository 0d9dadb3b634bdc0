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

pub use asset::{Asset, AssetBuilder, AssetDef, AssetSpec, Mode, ValueKind};
pub use call::{Call, Output, Produced};
pub use commit::CommitId;
pub use context::Context;
pub use error::{BoxError, Error, ErrorKind, Result};
pub use graph::Graph;
pub use io::IoManager;
pub use key::{AssetKey, path_segment};
pub use lakehouse::{BuildError, Lakehouse, LakehouseBuilder};
pub use lakewright_macros::{asset, external_asset};
pub use metadata::MetadataValue;
#[cfg(feature = "polars")]
pub use polars;
pub use registry::Registry;
pub use resource::Resource;
pub use schema::Column;
pub use select::select;
pub use settings::Config;
pub use slice::Slice;
pub use value::{Bytes, Object, ObjectFormat, Value};

// The README of the repository: its snippets compile.
#[cfg(all(doctest, feature = "delta", feature = "parquet", feature = "csv", feature = "fs", feature = "cli"))]
#[doc = include_str!("../../README.md")]
struct Readme;
