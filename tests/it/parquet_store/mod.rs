//! What Parquet files are like on the disk, read by Polars itself: options, footers, types, and files that somebody else wrote.

mod hive;
mod options;
pub(crate) mod types;
