//! The log and the numbers of commits: one suite for every backend, then what only a file can suffer; and how steps follow one another.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has failed where it says")]

#[cfg(feature = "sqlite")]
mod busy;
mod configured;
#[cfg(feature = "sqlite")]
mod damage;
mod following;
#[cfg(all(feature = "sqlite", feature = "fs"))]
mod lakehouse;
mod memory;
#[cfg(feature = "sqlite")]
mod migration;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod processes;
#[cfg(feature = "sqlite")]
mod sqlite;
mod suite;
mod support;
