//! What rules ask for, as read off the capabilities of a store.

use crate::asset::{Mode, ValueKind};
use crate::io::{Capabilities, PartitionExprUse};

macro_rules! abilities {
    ($($(#[$doc:meta])* $ability:ident = $name:literal, $about:literal;)*) => {
        /// Something that a rule needs and not every store is able to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Ability {
            $(#[doc = $about] $ability,)*
        }

        impl Ability {
            /// All of them, by their names.
            pub const ALL: &'static [Ability] = &[$(Ability::$ability,)*];

            /// The name in [`conformance!`](crate::conformance!).
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$ability => $name,)* }
            }

            /// What it means.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$ability => $about,)* }
            }
        }
    };
}

abilities! {
    Append = "append", "It honours `mode = \"append\"`.";
    Bytes = "bytes", "It holds bytes.";
    Error = "error", "It honours `mode = \"error\"`.";
    Ignore = "ignore", "It honours `mode = \"ignore\"`.";
    Lasting = "lasting", "What it holds outlives the process.";
    Merge = "merge", "It honours `mode = \"merge\"`.";
    Objects = "objects", "It holds objects.";
    OneTable = "one_table", "Partitions that `partition_expr` tells apart are parts of one table.";
    SchemaMode = "schema_mode", "Its tables have columns of their own, which the option `schema_mode` changes.";
    Schemas = "schemas", "An asset's `schema` means something to it.";
    Snapshots = "snapshots", "It keeps partitions without a `partition_expr`, each on its own.";
    Tables = "tables", "It holds frames.";
    Versions = "versions", "It keeps old versions that can be read.";
}

impl Ability {
    /// What a store with these capabilities is able to do, sorted.
    #[must_use]
    pub fn of(can: &Capabilities) -> Vec<Self> {
        Self::ALL.iter().copied().filter(|ability| ability.is_of(can)).collect()
    }

    fn is_of(self, can: &Capabilities) -> bool {
        match self {
            Self::Append => can.modes.contains(&Mode::Append),
            Self::Bytes => can.values.contains(&ValueKind::Bytes),
            Self::Error => can.modes.contains(&Mode::Error),
            Self::Ignore => can.modes.contains(&Mode::Ignore),
            Self::Lasting => !can.process_bound,
            Self::Merge => can.modes.contains(&Mode::Merge),
            Self::Objects => can.values.contains(&ValueKind::Object),
            Self::OneTable => can.partitions_tables(),
            Self::SchemaMode => can.options.iter().any(|option| option.name == "schema_mode"),
            Self::Schemas => can.schema,
            Self::Snapshots => can.partition_expr != PartitionExprUse::Needed,
            Self::Tables => can.values.contains(&ValueKind::Table),
            Self::Versions => can.versions,
        }
    }
}
