//! Assets made at run time: for factories, for tests, and for whoever has no function to put an attribute on.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::{AssetSpec, Calls, Input, Mode, OutputSpec, PartitionExpr, Source, ValueKind};
use crate::call::{Call, Produced};
use crate::columns::ColumnDef;
use crate::error::Result;
use crate::key::AssetKey;
use crate::metadata::MetadataValue;
use crate::partition::PartitionsDef;

/// Builds an [`AssetSpec`] without a macro.
///
/// ```
/// use lakewright::{AssetBuilder, ValueKind};
///
/// let squares = AssetBuilder::new("squares", ValueKind::Object)
///     .input("numbers")
///     .io_manager("memory")
///     .body(|mut call| async move {
///         let numbers: Vec<i64> = call.object("numbers")?;
///         call.produce_object(numbers.iter().map(|n| n * n).collect::<Vec<_>>())
///     })?;
/// assert_eq!(squares.key.to_string(), "squares");
/// # Ok::<(), lakewright::Error>(())
/// ```
#[must_use = "finish it with `body` or `external`"]
pub struct AssetBuilder {
    key: String,
    spec: Parts,
}

struct Parts {
    source: Source,
    kind: ValueKind,
    optional: bool,
    io_manager: Option<String>,
    schema: Option<String>,
    partitions: Option<PartitionsDef>,
    partition_expr: Option<PartitionExpr>,
    partition_by: Option<Vec<String>>,
    calls: Calls,
    mode: Option<Mode>,
    on: Vec<String>,
    store_options: Vec<(String, MetadataValue)>,
    group: Option<String>,
    tags: Vec<(String, String)>,
    kinds: Vec<String>,
    description: Option<String>,
    code_version: Option<String>,
    code_hash: Option<String>,
    retries: Option<u32>,
    retry_delay: Option<Duration>,
    retry_any: bool,
    timeout: Option<Duration>,
    pool: Option<String>,
    priority: i32,
    memory: Option<u64>,
    aliases: Vec<String>,
    columns: Option<&'static [ColumnDef]>,
    inputs: Vec<Input>,
}

impl AssetBuilder {
    /// An asset with this key (`prefix/name`) that produces this sort of value. Where it is built is where errors point.
    #[track_caller]
    pub fn new(key: impl Into<String>, kind: ValueKind) -> Self {
        let at = Location::caller();
        Self {
            key: key.into(),
            spec: Parts {
                source: Source { file: at.file(), line: at.line() },
                kind,
                optional: false,
                io_manager: None,
                schema: None,
                partitions: None,
                partition_expr: None,
                partition_by: None,
                calls: Calls::PerPartition,
                mode: None,
                on: Vec::new(),
                store_options: Vec::new(),
                group: None,
                tags: Vec::new(),
                kinds: Vec::new(),
                description: None,
                code_version: None,
                code_hash: None,
                retries: None,
                retry_delay: None,
                retry_any: false,
                timeout: None,
                pool: None,
                priority: 0,
                memory: None,
                aliases: Vec::new(),
                columns: None,
                inputs: Vec::new(),
            },
        }
    }

    /// Loads an asset, given by its key or as an [`Input`]; the body asks for it by the key.
    pub fn input(mut self, input: impl Into<Input>) -> Self {
        self.spec.inputs.push(input.into());
        self
    }

    /// Loads the asset if something is stored.
    pub fn optional_input(self, upstream: impl Into<String>) -> Self {
        self.input(Input::of(upstream).optional())
    }

    /// Runs after the asset with this key, without loading it.
    pub fn after(mut self, upstream: impl Into<String>) -> Self {
        self.spec.inputs.push(Input::of(upstream).order_only());
        self
    }

    /// The key of the store.
    pub fn io_manager(mut self, key: impl Into<String>) -> Self {
        self.spec.io_manager = Some(key.into());
        self
    }

    /// The schema (dataset) of the table.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.spec.schema = Some(schema.into());
        self
    }

    /// Its partitions.
    pub fn partitions(mut self, partitions: PartitionsDef) -> Self {
        self.spec.partitions = Some(partitions);
        self
    }

    /// The column that the table is partitioned by.
    pub fn partition_expr(mut self, expression: impl Into<String>) -> Self {
        self.spec.partition_expr = Some(PartitionExpr::One(expression.into()));
        self
    }

    /// The column of each dimension.
    pub fn partition_exprs<N: Into<String>, E: Into<String>>(mut self, all: impl IntoIterator<Item = (N, E)>) -> Self {
        let all = all.into_iter().map(|(name, expression)| (name.into(), expression.into())).collect();
        self.spec.partition_expr = Some(PartitionExpr::Dimensions(all));
        self
    }

    /// The dimensions that are folders of a Delta table.
    pub fn partition_by<S: Into<String>>(mut self, dimensions: impl IntoIterator<Item = S>) -> Self {
        self.spec.partition_by = Some(dimensions.into_iter().map(Into::into).collect());
        self
    }

    /// The body is called once for all partitions of a step.
    pub fn call_once(mut self) -> Self {
        self.spec.calls = Calls::Once;
        self
    }

    /// How the output meets what is stored.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.spec.mode = Some(mode);
        self
    }

    /// The columns by which [`Mode::Merge`] tells rows apart.
    pub fn on<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.spec.on = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets an option of the store.
    pub fn store_option(mut self, name: impl Into<String>, value: impl Into<MetadataValue>) -> Self {
        self.spec.store_options.push((name.into(), value.into()));
        self
    }

    /// The group to select and show it by.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.spec.group = Some(group.into());
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.spec.tags.push((key.into(), value.into()));
        self
    }

    /// Adds a kind.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.spec.kinds.push(kind.into());
        self
    }

    /// What it is.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.spec.description = Some(description.into());
        self
    }

    /// The version of the code.
    pub fn code_version(mut self, version: impl Into<String>) -> Self {
        self.spec.code_version = Some(version.into());
        self
    }

    /// What stands for its code, since there is no function to hash: any text that is another one after a change.
    pub fn code_hash(mut self, hash: impl Into<String>) -> Self {
        self.spec.code_hash = Some(hash.into());
        self
    }

    /// How often a failing step is tried again.
    pub fn retries(mut self, retries: u32) -> Self {
        self.spec.retries = Some(retries);
        self
    }

    /// The pause before a step is tried again for the first time; it doubles each time.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.spec.retry_delay = Some(delay);
        self
    }

    /// A step is tried again after any failure, and not only after a [retryable](crate::Error::is_retryable) one.
    pub fn retry_any(mut self) -> Self {
        self.spec.retry_any = true;
        self
    }

    /// How long one try of a step may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.spec.timeout = Some(timeout);
        self
    }

    /// The concurrency pool that steps run in.
    pub fn pool(mut self, pool: impl Into<String>) -> Self {
        self.spec.pool = Some(pool.into());
        self
    }

    /// Of steps that are ready the one with the greatest priority goes first; 0 without this.
    pub fn priority(mut self, priority: i32) -> Self {
        self.spec.priority = priority;
        self
    }

    /// How many bytes of memory a step is estimated to need.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.spec.memory = Some(bytes);
        self
    }

    /// Adds a key (`prefix/name`) that it had before, whose history is its own.
    pub fn alias(mut self, key: impl Into<String>) -> Self {
        self.spec.aliases.push(key.into());
        self
    }

    /// The columns of what it produces: `columns(Reading::COLUMNS)`.
    pub fn columns(mut self, columns: &'static [ColumnDef]) -> Self {
        self.spec.columns = Some(columns);
        self
    }

    /// A run may produce nothing.
    pub fn optional(mut self) -> Self {
        self.spec.optional = true;
        self
    }

    /// How it is computed. A body that blocks goes through [`Call::blocking`].
    ///
    /// # Errors
    /// If the key, an alias or the key of an input cannot be one.
    pub fn body<F, Fut>(self, body: F) -> Result<AssetSpec>
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Produced>> + Send + 'static,
    {
        self.finish(Some(Arc::new(move |call| Box::pin(body(call)))))
    }

    /// Somebody else writes it.
    ///
    /// # Errors
    /// If the key or an alias cannot be one.
    pub fn external(self) -> Result<AssetSpec> {
        self.finish(None)
    }

    fn finish(self, body: Option<super::Body>) -> Result<AssetSpec> {
        let spec = self.spec;
        let inputs = spec.inputs.into_iter().map(Input::finish).collect::<Result<_>>()?;
        let aliases = spec.aliases.iter().map(|alias| alias.parse::<AssetKey>()).collect::<Result<_>>()?;
        Ok(AssetSpec {
            key: self.key.parse()?,
            source: spec.source,
            io_manager: spec.io_manager,
            schema: spec.schema,
            partitions: spec.partitions,
            partition_expr: spec.partition_expr,
            partition_by: spec.partition_by,
            calls: spec.calls,
            mode: spec.mode,
            on: spec.on,
            store_options: spec.store_options,
            group: spec.group,
            tags: spec.tags,
            owners: Vec::new(),
            kinds: spec.kinds,
            description: spec.description,
            metadata: Vec::new(),
            code_version: spec.code_version,
            code_hash: spec.code_hash,
            retries: spec.retries,
            retry_delay: spec.retry_delay,
            retry_any: spec.retry_any,
            timeout: spec.timeout,
            pool: spec.pool,
            priority: spec.priority,
            memory: spec.memory,
            aliases,
            inputs,
            resources: Vec::new(),
            config: None,
            output: OutputSpec { kind: spec.kind, optional: spec.optional, type_name: "value", columns: spec.columns },
            body,
        })
    }
}
