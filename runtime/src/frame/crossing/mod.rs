//! Between Polars and Arrow: whole tables, and streams of them.
//!
//! What is in memory crosses without being copied. A lazy Polars plan becomes a stream that its own thread feeds, and a stream
//! becomes a file that a lazy plan scans, so that neither is ever whole in memory.

pub(super) mod into_arrow;
mod into_polars;
mod labels;
mod types;

pub(super) use into_arrow::interchange;
pub(super) use into_polars::{into_polars, into_polars_in};
