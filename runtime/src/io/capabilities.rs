//! What a store can do, as values.

use crate::asset::AssetSpec;
use crate::asset::{Mode, ValueKind};
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::metadata::MetadataValue;

/// What a store can do.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[non_exhaustive]
pub struct Capabilities {
    /// What to call the store in an error: `a Delta store`.
    pub name: &'static str,
    /// The values it holds.
    pub values: &'static [ValueKind],
    /// The modes it honours.
    pub modes: &'static [Mode],
    /// The mode of assets that name none.
    pub mode: Mode,
    /// What `partition_expr` means to it.
    pub partition_expr: PartitionExprUse,
    /// Whether it keeps old versions that can be read.
    pub versions: bool,
    /// Whether an asset's `schema` means something to it; file stores ignore it.
    pub schema: bool,
    /// The options that `store(…)` may set.
    pub options: &'static [OptionDef],
    /// Whether only this process can read and write it, so that nothing of it is done elsewhere.
    pub process_bound: bool,
    /// Whether what it holds is still there when the process has ended.
    pub durable: bool,
}

impl Capabilities {
    /// A store with this name that holds these values, and overwrites, refuses or leaves alone what is there.
    #[must_use]
    pub fn new(name: &'static str, values: &'static [ValueKind]) -> Self {
        Self {
            name,
            values,
            modes: &[Mode::Overwrite, Mode::Error, Mode::Ignore],
            mode: Mode::Overwrite,
            partition_expr: PartitionExprUse::Checks,
            versions: false,
            schema: false,
            options: &[],
            process_bound: false,
            durable: true,
        }
    }

    /// Whether partitions that `partition_expr` tells apart are parts of one table.
    #[must_use]
    pub fn partitions_tables(&self) -> bool {
        self.partition_expr != PartitionExprUse::Checks
    }

    /// With options that `store(…)` may set.
    #[must_use]
    pub fn options(mut self, options: &'static [OptionDef]) -> Self {
        self.options = options;
        self
    }
}

/// What `partition_expr` means to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartitionExprUse {
    /// Each partition is a file of its own; the columns only tell which rows belong to it.
    Checks,
    /// The table is partitioned by the columns; without them each partition is a table of its own.
    Partitions,
    /// All partitions are in one table, so there is no telling them apart without it.
    Needed,
}

/// An option that a store publishes.
#[derive(Debug, Clone, Copy)]
pub struct OptionDef {
    /// Its name in `store(…)` and in configuration.
    pub name: &'static str,
    /// The values it takes.
    pub kind: OptionKind,
    /// What it does, in a few words.
    pub about: &'static str,
}

/// The values that an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionKind {
    /// Any text.
    Text,
    /// A whole number from 1.
    Int,
    /// True or false.
    Bool,
    /// One of these.
    OneOf(&'static [&'static str]),
}

impl Capabilities {
    /// Whether an asset may set the option to the value.
    ///
    /// # Errors
    /// For an option that is not published or a value that it does not take.
    pub fn check_option(&self, name: &str, value: &MetadataValue) -> Result<()> {
        let Some(option) = self.options.iter().find(|option| option.name == name) else {
            let message = format!("{} has no option `{name}`", self.name);
            let help = known_names(name, "options", self.options.iter().map(|option| option.name));
            return Err(Error::new(ErrorKind::StoreOption, message).help(help));
        };
        let takes = match (option.kind, value) {
            (OptionKind::Text, MetadataValue::Text(_)) | (OptionKind::Bool, MetadataValue::Bool(_)) => return Ok(()),
            (OptionKind::Int, MetadataValue::Int(number)) if *number > 0 => return Ok(()),
            (OptionKind::OneOf(names), MetadataValue::Text(text)) if names.contains(&text.as_str()) => return Ok(()),
            (OptionKind::Text, _) => "text".to_owned(),
            (OptionKind::Int, _) => "a whole number from 1".to_owned(),
            (OptionKind::Bool, _) => "`true` or `false`".to_owned(),
            (OptionKind::OneOf(names), _) => {
                format!("one of {}", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "))
            }
        };
        let message = format!("the option `{name}` of {} takes {takes}, not `{value}`", self.name);
        Err(Error::new(ErrorKind::StoreOption, message))
    }
}

/// Sets an option of a store for the assets that do not.
#[allow(dead_code, reason = "for stores with options, of which there may be none")]
pub(crate) fn set_option(options: &mut Vec<(String, MetadataValue)>, name: String, value: MetadataValue) {
    options.retain(|(known, _)| *known != name);
    options.push((name, value));
}

/// An asset with the options of its store where it sets none.
#[allow(dead_code, reason = "for stores with options, of which there may be none")]
pub(crate) fn with_options(asset: &AssetSpec, options: &[(String, MetadataValue)]) -> AssetSpec {
    let mut asset = asset.clone();
    let own_compression = asset.store_option("compression").is_some();
    // How hard the store's compression tries says nothing of another one.
    let inherited = |name: &str| asset.store_option(name).is_none() && !(own_compression && name == "compression_level");
    let missing: Vec<_> = options.iter().filter(|(name, _)| inherited(name)).cloned().collect();
    asset.store_options.extend(missing);
    asset
}
