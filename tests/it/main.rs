//! The integration tests: everything through the public interface, events and independent readers.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has failed where it says")]

mod cli;
mod definitions;
mod delta;
mod delta_types;
mod execution;
mod files;
mod formats;
mod macros;
mod selection;
mod structure;
mod support;
