//! Without Polars there is no frame to test with.

use std::sync::Arc;

use super::breach::{Breach, Verdict};
use super::rules::Rule;
use crate::call::Call;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Table;
use crate::partition::PartitionKey;
use crate::value::Value;

pub(super) const ARE_TESTED: bool = false;

/// The rules of tables.
pub(super) const RULES: &[Rule] = &[];

pub(super) async fn rows(_table: Table, _env: &Arc<dyn Env>) -> Verdict<Vec<String>> {
    Err(no_frames())
}

pub(super) fn sample(_n: i64) -> Verdict<Table> {
    Err(no_frames())
}

pub(super) fn sample_rows(_n: i64) -> Vec<String> {
    Vec::new()
}

/// The input as a map of partitions.
pub(super) fn taken_each(_call: &mut Call, _parameter: &str) -> Result<Vec<(PartitionKey, Value)>> {
    Err(Error::new(ErrorKind::Internal, no_frames().to_string()))
}

pub(super) fn taken(_call: &mut Call, _parameter: &str) -> Result<Value> {
    Err(Error::new(ErrorKind::Internal, no_frames().to_string()))
}

fn no_frames() -> Breach {
    Breach::new("there are no frames to test with; turn on the feature `polars` of lakewright")
}

/// No rules: they need frames.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_table_rules {
    ($then:ident $with:tt) => {};
}
