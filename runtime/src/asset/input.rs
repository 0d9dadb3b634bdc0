//! The inputs of assets that are made at run time.

use super::InputSpec;
use crate::error::Result;
use crate::key::AssetKey;
use crate::partition::Mapping;

/// How an input that is added at run time is read.
///
/// ```
/// use lakewright::asset::Input;
/// use lakewright::partition::Mapping;
///
/// let input = Input::of("readings").columns(["temperature"]).mapping(Mapping::Last);
/// # let _ = input;
/// ```
#[must_use = "hand it to `AssetBuilder::input`"]
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its own in the attribute")]
pub struct Input {
    parameter: Option<String>,
    upstream: String,
    columns: Option<Vec<String>>,
    optional: bool,
    order_only: bool,
    mapping: Option<Mapping>,
    allow_missing: bool,
    version: Option<i64>,
    per_partition: bool,
    previous: bool,
}

impl Input {
    /// All of the asset with this key.
    pub fn of(upstream: impl Into<String>) -> Self {
        Self {
            parameter: None,
            upstream: upstream.into(),
            columns: None,
            optional: false,
            order_only: false,
            mapping: None,
            allow_missing: false,
            version: None,
            per_partition: false,
            previous: false,
        }
    }

    /// The partition before the one that is made, of the asset itself.
    pub fn previous(asset: impl Into<String>) -> Self {
        let mapping = Some(Mapping::Offset { start: -1, end: -1 });
        Self { mapping, previous: true, optional: true, ..Self::of(asset) }
    }

    /// The name by which the body asks for it, instead of the key.
    pub fn named(mut self, parameter: impl Into<String>) -> Self {
        self.parameter = Some(parameter.into());
        self
    }

    /// Loads only these columns.
    pub fn columns<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Nothing stored is no error.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Which upstream partitions it gets.
    pub fn mapping(mut self, mapping: Mapping) -> Self {
        self.mapping = Some(mapping);
        self
    }

    /// Partitions that nothing is stored for are left out.
    pub fn allow_missing(mut self) -> Self {
        self.allow_missing = true;
        self
    }

    /// Reads this version of the table.
    pub fn version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// The body asks for a map with one value for each partition.
    pub fn per_partition(mut self) -> Self {
        self.per_partition = true;
        self
    }

    /// Nothing is loaded.
    pub(super) fn order_only(mut self) -> Self {
        self.order_only = true;
        self
    }

    pub(super) fn finish(self) -> Result<InputSpec> {
        let upstream: AssetKey = self.upstream.parse()?;
        Ok(InputSpec {
            parameter: self.parameter.unwrap_or(self.upstream),
            upstream,
            columns: self.columns,
            optional: self.optional,
            order_only: self.order_only,
            mapping: self.mapping,
            allow_missing: self.allow_missing,
            version: self.version,
            per_partition: self.per_partition,
            previous: self.previous,
        })
    }
}

impl<S: Into<String>> From<S> for Input {
    fn from(upstream: S) -> Self {
        Self::of(upstream)
    }
}
