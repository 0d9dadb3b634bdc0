//! The integration tests: everything through the public interface, events and independent readers.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that unwraps has failed where it says")]
#![allow(clippy::items_after_statements, reason = "assets and imports stand beside the one test that uses them")]
#![allow(clippy::unnecessary_wraps, clippy::unused_async, reason = "what an asset may return is what is tested")]

mod backfills;
#[cfg(feature = "bigquery")]
mod bigquery;
mod changed;
mod cli;
mod cli_assets;
mod cli_runs;
mod columns;
mod config;
mod conformance;
mod definitions;
mod delta;
mod delta_full;
mod delta_types;
#[cfg(feature = "duckdb")]
mod duckdb_engine;
#[cfg(feature = "duckdb")]
mod duckdb_store;
mod execution;
mod file_formats;
mod file_partitions;
mod files;
mod formats;
mod frames;
mod hand_over;
mod json_docs;
mod killed;
mod macros;
#[cfg(feature = "cloud")]
mod object_files;
#[cfg(feature = "cloud")]
mod object_stores;
mod parquet_store;
mod partitions;
mod redact;
mod row_counts;
mod runs;
mod selection;
mod structure;
mod support;
mod testing;
