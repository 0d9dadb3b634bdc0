//! DuckDB databases: one owner for each file in a process, connections for SQL, and frames in and out of them.
//!
//! A [`DuckDb`] is a resource of its own and what the DuckDB store works upon; both share one instance where they name the same file.

mod connection;
mod database;
mod errors;
mod owner;
mod query;
mod session;
mod source;
mod types;
mod value;

pub use connection::Connection;
pub use database::{DuckDb, DuckDbBuilder};
pub(crate) use types::quote;
pub use value::{FromSql, SqlValue};
