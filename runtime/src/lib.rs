#![doc = include_str!("../README.md")]

// Generated code names this crate by absolute path, in its own documentation and tests too.
extern crate self as lakewright;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod asset;
mod call;
mod cancel;
#[cfg(feature = "cli")]
pub mod cli;
pub mod columns;
mod commit;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
#[cfg(feature = "duckdb")]
pub mod duckdb;
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
pub mod testing;
mod typed;
mod value;

#[cfg(feature = "arrow")]
pub use arrow;
pub use asset::{Asset, AssetBuilder, AssetDef, AssetSpec, Mode, ValueKind};
pub use call::{Call, Output, Produced};
pub use columns::Columns;
pub use commit::CommitId;
pub use context::Context;
#[cfg(feature = "datafusion")]
pub use datafusion;
pub use error::{BoxError, Error, ErrorKind, Result};
pub use frame::Rows;
pub use graph::Graph;
pub use io::IoManager;
#[doc(no_inline)]
pub use jiff;
pub use key::{AssetKey, path_segment};
pub use lakehouse::{
    Backfill, BackfillAsset, BackfillCounts, BackfillGroup, BackfillOptions, BackfillOutcome, BackfillRun, BackfillStatus,
    BuildError, Changed, Comparison, Difference, Found, Lakehouse, LakehouseBuilder, PlannedRun, RunCut, RunDetail, RunFilter,
    RunOptions, StepDetail, StepState,
};
pub use lakewright_macros::Columns;
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
/// Options of the attribute: `name`, `key_prefix`, `schema`, `io_manager`, `mode`, `group`, `tags`, `owners`, `kinds`, `description`,
/// `metadata(…)`, `deps = […]`, `code_version`, `store(…)`.
/// `on = ["id"]` names the columns by which `mode = "merge"` tells rows apart. For partitions:
///
/// - `partitions = Day`: the [definition](macro@partitions), by its path;
/// - `partition_expr = "day"`, or `partition_expr(date = "day", species = "kind")` for several dimensions: the columns that say to which
///   partition a row belongs. Without `partitions`, the column that a Delta table is partitioned by which is written whole;
/// - `partition_by = ["date"]`: the dimensions that are folders of a Delta table, instead of all but timestamps.
///
/// How it is run:
///
/// - `retries = 3`: how often a failing step is tried again, after a pause of `retry_delay = "10s"` that doubles each time. With
///   `retry_on = "any"` after any failure, and without it (`"retryable"`) only after one that may pass;
/// - `timeout = "10m"`: how long one try may take. Durations have units up to hours: `"500ms"`, `"1h 30m"`;
/// - `pool = "db"`: steps of one pool share its limit;
/// - `priority = -5`: of steps that are ready the greatest goes first; 0 without it;
/// - `memory = "2GiB"`: an estimate of what a step needs, in `B`, `KB`, `MB`, `GB`, `TB`, or by 1024 in `KiB`, `MiB`, `GiB`, `TiB`.
///
/// `alias = "old_name"`, or `alias = ["old_name", "lab/older"]`, are keys that the asset had before, whose history is its own; no other
/// asset may have them.
///
/// Options of `#[input(…)]` on a parameter:
///
/// - `from = path::to::asset`: the upstream, where the parameter has another name;
/// - `columns = ["a", "b"]`: only these are read;
/// - `mapping = …`: which partitions of the upstream; `identity`, `overlap`, `offset(-1)`, `offset(-6, 0)`, `all`, `last`, `keys("a")`,
///   `map("a" = "x", "b" = ["x", "y"])`, `dimensions(date = offset(-1))`. See [`Mapping`](partition::Mapping);
/// - `allow_missing`: partitions that are not there are left out instead of being an error;
/// - `version = 3`: this version of a Delta table;
/// - `previous`: the window before of the asset itself, or with `mapping = offset(-7)` an earlier one.
///
/// A mistake in any of them is a compile error under the token that is wrong.
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
/// The kinds of definitions, and what their keys are in a body:
///
/// ```
/// use lakewright::jiff::civil::Date;
/// use lakewright::prelude::*;
///
/// /// A fixed list; its keys are `String`s, or `i64`s if they are numbers.
/// #[partitions(keys = ["north", "south"])]
/// struct Station;
///
/// /// A fixed list as an enum, which is its own key.
/// #[partitions]
/// enum Species {
///     #[key = "Iris-setosa"]
///     Setosa,
///     Versicolor,
/// }
///
/// /// Windows of time: `hourly`, `daily`, `weekly`, `monthly`, or by `cron`; keys are `Date`s, or `Zoned`s for hours and `cron`.
/// #[partitions(daily, start = "2023-01-01", zone = "Europe/Berlin")]
/// struct Day;
///
/// /// A set that is kept in the run state, where keys are added and removed; they are `String`s.
/// #[partitions(dynamic)]
/// struct Region;
///
/// /// Every combination; the keys are a struct `DaySpeciesKey { date: Partition<Day>, species: Partition<Species> }`.
/// #[partitions]
/// struct DaySpecies {
///     date: Day,
///     species: Species,
/// }
///
/// #[asset(partitions = DaySpecies, partition_expr(date = "day", species = "kind"))]
/// fn flowers(partition: Partition<DaySpecies>) -> i64 {
///     let day: Date = *partition.date;
///     match *partition.species {
///         Species::Setosa => i64::from(day.day()),
///         Species::Versicolor => 0,
///     }
/// }
///
/// /// The day before, beside the partition of the same day and species.
/// #[asset(partitions = DaySpecies)]
/// fn more_flowers(#[input(mapping = offset(-1), allow_missing)] flowers: Option<i64>, #[input(from = flowers)] today: i64) -> i64 {
///     today - flowers.unwrap_or_default()
/// }
/// # assert_eq!(more_flowers(Some(2), 3), 1);
/// ```
///
/// Options for windows of time: `start` (required), `end` (exclusive), `zone` (an IANA name; UTC without it), `hour_offset`,
/// `minute_offset`, `weekday` (of `weekly`: a name, or 0 for Sunday to 6), `day` (of `monthly`, 1 to 28), `end_offset` (how many
/// windows beyond those that are over exist already) and `format` (of the key, as `strftime`). A set in the run state has the name
/// of the type unless `dynamic = "…"` gives another. On an enum, put `#[partitions]` above any `#[derive(…)]`: it adds `Clone`,
/// `Copy`, `Debug`, `PartialEq`, `Eq` and `Hash` where they are missing.
pub use lakewright_macros::partitions;
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

// The guides: theirs too.
#[cfg(all(doctest, feature = "delta", feature = "parquet", feature = "csv", feature = "fs", feature = "cli"))]
#[doc = include_str!("../../docs/partitions.md")]
struct PartitionsGuide;

#[cfg(doctest)]
#[doc = include_str!("../../docs/backfills.md")]
struct BackfillsGuide;

#[cfg(doctest)]
#[doc = include_str!("../../docs/changed.md")]
struct ChangedGuide;

#[cfg(all(doctest, feature = "delta", feature = "parquet", feature = "csv", feature = "fs", feature = "cli"))]
#[doc = include_str!("../../docs/stores.md")]
struct StoresGuide;

#[cfg(all(doctest, feature = "delta", feature = "parquet", feature = "csv", feature = "fs", feature = "cli"))]
#[doc = include_str!("../../docs/configuration.md")]
struct ConfigurationGuide;

#[cfg(all(doctest, feature = "delta", feature = "parquet", feature = "csv", feature = "fs", feature = "cli"))]
#[doc = include_str!("../../docs/testing.md")]
struct TestingGuide;

#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../../docs/runs.md")]
struct RunsGuide;

#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
struct EmbeddingGuide;

#[cfg(all(doctest, feature = "postgres"))]
#[doc = include_str!("../../docs/state.md")]
struct StateGuide;

#[cfg(all(doctest, feature = "bigquery"))]
#[doc = include_str!("../../docs/stores/bigquery.md")]
struct BigQueryGuide;

#[cfg(all(doctest, feature = "delta"))]
#[doc = include_str!("../../docs/stores/delta.md")]
struct DeltaGuide;

#[cfg(all(doctest, feature = "conformance", feature = "polars", feature = "fs"))]
#[doc = include_str!("../../docs/conformance.md")]
struct ConformanceGuide;

#[cfg(all(
    doctest,
    feature = "parquet",
    feature = "csv",
    feature = "json",
    feature = "ipc",
    feature = "fs",
    feature = "s3",
    feature = "cli"
))]
#[doc = include_str!("../../docs/stores/files.md")]
struct FilesGuide;

#[cfg(all(doctest, feature = "duckdb"))]
#[doc = include_str!("../../docs/stores/duckdb.md")]
struct DuckDbGuide;

#[cfg(all(doctest, feature = "delta", feature = "s3"))]
#[doc = include_str!("../../docs/stores/object-stores.md")]
struct ObjectStoresGuide;
