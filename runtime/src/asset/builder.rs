//! Assets made at run time: for factories, for tests, and for whoever has no function to put an attribute on.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::{AssetSpec, InputSpec, Mode, OutputSpec, Source, ValueKind};
use crate::call::{Call, Produced};
use crate::error::Result;
use crate::key::AssetKey;
use crate::metadata::MetadataValue;

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
    partition_expr: Option<String>,
    mode: Option<Mode>,
    store_options: Vec<(String, MetadataValue)>,
    group: Option<String>,
    tags: Vec<(String, String)>,
    kinds: Vec<String>,
    description: Option<String>,
    code_version: Option<String>,
    inputs: Vec<PendingInput>,
}

struct PendingInput {
    upstream: String,
    columns: Option<Vec<String>>,
    optional: bool,
    order_only: bool,
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
                partition_expr: None,
                mode: None,
                store_options: Vec::new(),
                group: None,
                tags: Vec::new(),
                kinds: Vec::new(),
                description: None,
                code_version: None,
                inputs: Vec::new(),
            },
        }
    }

    /// Loads the asset with this key; the body asks for it by the key.
    pub fn input(self, upstream: impl Into<String>) -> Self {
        self.pending(upstream, None, false, false)
    }

    /// Loads only these columns.
    pub fn input_columns<S: Into<String>>(self, upstream: impl Into<String>, columns: impl IntoIterator<Item = S>) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        self.pending(upstream, Some(columns), false, false)
    }

    /// Loads the asset if something is stored.
    pub fn optional_input(self, upstream: impl Into<String>) -> Self {
        self.pending(upstream, None, true, false)
    }

    /// Runs after the asset with this key, without loading it.
    pub fn after(self, upstream: impl Into<String>) -> Self {
        self.pending(upstream, None, false, true)
    }

    fn pending(mut self, upstream: impl Into<String>, columns: Option<Vec<String>>, optional: bool, order_only: bool) -> Self {
        self.spec.inputs.push(PendingInput { upstream: upstream.into(), columns, optional, order_only });
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

    /// The column that the table is partitioned by.
    pub fn partition_expr(mut self, expression: impl Into<String>) -> Self {
        self.spec.partition_expr = Some(expression.into());
        self
    }

    /// How the output meets what is stored.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.spec.mode = Some(mode);
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

    /// A run may produce nothing.
    pub fn optional(mut self) -> Self {
        self.spec.optional = true;
        self
    }

    /// How it is computed. A body that blocks goes through [`Call::blocking`].
    ///
    /// # Errors
    /// If the key, or the key of an input, cannot be one.
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
    /// If the key cannot be one.
    pub fn external(self) -> Result<AssetSpec> {
        self.finish(None)
    }

    fn finish(self, body: Option<super::Body>) -> Result<AssetSpec> {
        let spec = self.spec;
        let inputs = spec.inputs.into_iter().map(PendingInput::finish).collect::<Result<_>>()?;
        Ok(AssetSpec {
            key: self.key.parse()?,
            source: spec.source,
            io_manager: spec.io_manager,
            schema: spec.schema,
            partition_expr: spec.partition_expr,
            mode: spec.mode,
            store_options: spec.store_options,
            group: spec.group,
            tags: spec.tags,
            owners: Vec::new(),
            kinds: spec.kinds,
            description: spec.description,
            metadata: Vec::new(),
            code_version: spec.code_version,
            retries: None,
            pool: None,
            inputs,
            resources: Vec::new(),
            config: None,
            output: OutputSpec { kind: spec.kind, optional: spec.optional, type_name: "value" },
            body,
        })
    }
}

impl PendingInput {
    fn finish(self) -> Result<InputSpec> {
        let upstream: AssetKey = self.upstream.parse()?;
        Ok(InputSpec {
            parameter: self.upstream,
            upstream,
            columns: self.columns,
            optional: self.optional,
            order_only: self.order_only,
        })
    }
}
