//! What an asset is: its name, where it is stored, what it is made from, and how it is computed.

mod builder;
mod def;
mod input;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

pub use builder::AssetBuilder;
pub use def::{Asset, AssetDef, ConfigDef, InputDef, Literal, ResourceDef};
pub use input::Input;

use crate::call::{Call, Produced};
use crate::columns::ColumnDef;
use crate::error::Result;
use crate::key::AssetKey;
use crate::metadata::MetadataValue;
use crate::partition::{Mapping, PartitionsDef};

/// Where in the source an asset is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What sort of value an asset produces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ValueKind {
    /// Rows and columns: a frame.
    Table,
    /// Any value that serde can write.
    Object,
    /// Bytes with an extension: a plot, a model.
    Bytes,
    /// Nothing: the effect of the asset is elsewhere.
    Nothing,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "a frame",
            Self::Object => "an object",
            Self::Bytes => "bytes",
            Self::Nothing => "nothing",
        })
    }
}

/// What an asset produces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputSpec {
    /// What sort of value.
    pub kind: ValueKind,
    /// Whether a run may produce nothing and leave what is stored as it is.
    pub optional: bool,
    /// The type, as Rust names it.
    pub type_name: &'static str,
    /// The columns, if the type declares them.
    pub columns: Option<&'static [ColumnDef]>,
}

impl OutputSpec {
    /// The type without the modules of its parts: `Option<LazyFrame>`.
    #[must_use]
    pub fn short_type_name(&self) -> String {
        let mut short = String::new();
        for part in self.type_name.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_' && c != ':') {
            short.push_str(part.rsplit("::").next().unwrap_or(part));
        }
        short
    }
}

/// How the output meets what is already stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// Replaces it, in one atomic commit.
    #[default]
    Overwrite,
    /// Adds to it.
    Append,
    /// Refuses if something is there.
    Error,
    /// Does nothing if something is there.
    Ignore,
    /// Updates and inserts by key columns.
    Merge,
}

impl Mode {
    /// Every mode with its name in attributes and configuration.
    pub const NAMES: [(&'static str, Mode); 5] = [
        ("overwrite", Mode::Overwrite),
        ("append", Mode::Append),
        ("error", Mode::Error),
        ("ignore", Mode::Ignore),
        ("merge", Mode::Merge),
    ];

    /// The name in attributes and configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, mode)| *mode == self).map_or("overwrite", |(name, _)| name)
    }
}

/// Something an asset is made from, and how it is read.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its own in the attribute")]
pub struct InputSpec {
    /// The parameter, or for an order-only dependency the asset's name.
    pub parameter: String,
    /// The upstream asset.
    pub upstream: AssetKey,
    /// Only these columns, in this order; everything if absent.
    pub columns: Option<Vec<String>>,
    /// Whether the body takes an `Option`, so that nothing stored is no error.
    pub optional: bool,
    /// Orders the two without loading anything.
    pub order_only: bool,
    /// Which upstream partitions it gets; without one, [`Mapping::default_for`].
    pub mapping: Option<Mapping>,
    /// Whether partitions that nothing is stored for are left out instead of being an error.
    pub allow_missing: bool,
    /// The version of the table to read; the newest if absent.
    pub version: Option<i64>,
    /// Whether the body takes a map with one value for each partition.
    pub per_partition: bool,
    /// Whether the upstream is an earlier partition of the asset itself.
    pub previous: bool,
}

/// How often a body is called for a step over several partitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Calls {
    /// Once for each partition.
    #[default]
    PerPartition,
    /// Once, because it takes the set of partitions or returns a map of them.
    Once,
}

/// The columns, or for some stores expressions, that a table is partitioned by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionExpr {
    /// The one of an asset without a definition, or with one of one dimension.
    One(String),
    /// The one of each dimension, in the order they were written.
    Dimensions(Vec<(String, String)>),
}

impl PartitionExpr {
    /// The expression of a dimension. The one of a definition of one dimension is that of its dimension, whatever its name.
    #[must_use]
    pub fn of(&self, dimension: &str) -> Option<&str> {
        match self {
            Self::One(expression) => Some(expression),
            Self::Dimensions(all) => all.iter().find(|(name, _)| name == dimension).map(|(_, expression)| expression.as_str()),
        }
    }
}

impl fmt::Display for PartitionExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(expression) => f.write_str(expression),
            Self::Dimensions(all) => {
                let pairs: Vec<_> = all.iter().map(|(name, expression)| format!("{name} = {expression}")).collect();
                f.write_str(&pairs.join(", "))
            }
        }
    }
}

/// The body of an asset: called once per step with what it asked for.
pub type Body = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Produced>> + Send + Sync>;

/// An asset, as the registry holds it: the same whether it came from an attribute or was built at run time.
#[derive(Clone)]
#[non_exhaustive]
pub struct AssetSpec {
    /// Its name.
    pub key: AssetKey,
    /// Where it is defined.
    pub source: Source,
    /// The key of its store; without one, the default for its kind of value.
    pub io_manager: Option<String>,
    /// The schema (dataset) of its table.
    pub schema: Option<String>,
    /// Its partitions.
    pub partitions: Option<PartitionsDef>,
    /// The columns, or for some stores the expressions, that its table is partitioned by.
    pub partition_expr: Option<PartitionExpr>,
    /// The dimensions that are folders of a Delta table, instead of those that the store would choose.
    pub partition_by: Option<Vec<String>>,
    /// How often its body is called for a step over several partitions.
    pub calls: Calls,
    /// How its output meets what is stored; the store's own default if absent.
    pub mode: Option<Mode>,
    /// The columns by which [`Mode::Merge`] tells rows apart.
    pub on: Vec<String>,
    /// Options for its store.
    pub store_options: Vec<(String, MetadataValue)>,
    /// A group to select and show it by.
    pub group: Option<String>,
    /// Tags to select it by.
    pub tags: Vec<(String, String)>,
    /// Who answers for it.
    pub owners: Vec<String>,
    /// What it is made with, to select and show it by.
    pub kinds: Vec<String>,
    /// What it is.
    pub description: Option<String>,
    /// What its author attached.
    pub metadata: Vec<(String, MetadataValue)>,
    /// The version of the code that its author declared.
    pub code_version: Option<String>,
    /// A hash of its code: 32 hex digits over the tokens of the function's signature and body. It is another after each change of one of
    /// them, and the same whatever the layout, comments, docs, attributes, visibility and compiler. Absent if it is external, or built at
    /// run time without one.
    pub code_hash: Option<String>,
    /// How often a failing step is tried again.
    pub retries: Option<u32>,
    /// The pause before it is tried again for the first time, which doubles each time.
    pub retry_delay: Option<Duration>,
    /// Whether it is tried again after any failure, and not only after a [retryable](crate::Error::is_retryable) one.
    pub retry_any: bool,
    /// How long one try may take.
    pub timeout: Option<Duration>,
    /// The concurrency pool it runs in.
    pub pool: Option<String>,
    /// Of steps that are ready the one with the greatest goes first.
    pub priority: i32,
    /// How many bytes of memory a step is estimated to need.
    pub memory: Option<u64>,
    /// Keys that it had before, whose history is its own.
    pub aliases: Vec<AssetKey>,
    /// What it is made from, in the order of its parameters.
    pub inputs: Vec<InputSpec>,
    /// The resources it asks for.
    pub resources: Vec<ResourceDef>,
    /// The configuration it asks for.
    pub config: Option<ConfigDef>,
    /// What it produces.
    pub output: OutputSpec,
    /// How it is computed; absent for a table that somebody else writes.
    pub body: Option<Body>,
}

impl AssetSpec {
    /// Whether somebody else writes it, so that it is only ever read.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.body.is_none()
    }

    /// Whether it is kept in a store.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.output.kind != ValueKind::Nothing
    }

    /// The options that are set and say how its body is run, of which there is none if somebody else writes it.
    pub(crate) fn about_runs(&self) -> Vec<&'static str> {
        let set = [
            ("retries", self.retries.is_some()),
            ("retry_delay", self.retry_delay.is_some()),
            ("retry_on", self.retry_any),
            ("timeout", self.timeout.is_some()),
            ("pool", self.pool.is_some()),
            ("priority", self.priority != 0),
            ("memory", self.memory.is_some()),
        ];
        set.into_iter().filter(|(_, is_set)| *is_set).map(|(option, _)| option).collect()
    }

    /// The value the asset sets for an option of its store.
    #[must_use]
    pub fn store_option(&self, name: &str) -> Option<&MetadataValue> {
        self.store_options.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl fmt::Debug for AssetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssetSpec")
            .field("key", &self.key)
            .field("source", &format_args!("{}", self.source))
            .finish_non_exhaustive()
    }
}
