//! Data files that a version of a table has.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use deltalake_core::kernel::{Action, Add, DeletionVectorDescriptor, LogicalFileView, Remove};

use super::stage::StagedFile;

/// A data file that a version of a table has: as its log says, or as we committed it ourselves after the log was read.
#[derive(Clone)]
pub(super) enum LiveFile {
    Logged(LogicalFileView),
    Ours(Arc<StagedFile>),
}

impl LiveFile {
    /// Relative to the table, as it is on the disk.
    pub(super) fn path(&self) -> Cow<'_, str> {
        match self {
            Self::Logged(file) => file.path(),
            Self::Ours(file) => Cow::Borrowed(&file.path),
        }
    }

    /// In bytes.
    pub(super) fn size(&self) -> i64 {
        match self {
            Self::Logged(file) => file.size(),
            Self::Ours(file) => file.size,
        }
    }

    /// In milliseconds.
    pub(super) fn modification_time(&self) -> i64 {
        match self {
            Self::Logged(file) => file.modification_time(),
            Self::Ours(file) => file.modified,
        }
    }

    /// Its statistics as JSON.
    pub(super) fn stats(&self) -> Option<String> {
        match self {
            Self::Logged(file) => file.stats(),
            Self::Ours(file) => Some(file.stats.clone()),
        }
    }

    pub(super) fn partition_values_map(&self) -> HashMap<String, Option<String>> {
        match self {
            Self::Logged(file) => file.partition_values_map(),
            Self::Ours(file) => file.partition_values.clone().into_iter().collect(),
        }
    }

    pub(super) fn deletion_vector_descriptor(&self) -> Option<DeletionVectorDescriptor> {
        match self {
            Self::Logged(file) => file.deletion_vector_descriptor(),
            Self::Ours(_) => None,
        }
    }

    /// The rows that were not deleted, if the statistics say how many there are.
    pub(super) fn rows(&self) -> Option<u64> {
        let file = match self {
            Self::Logged(file) => file,
            Self::Ours(file) => return Some(file.rows),
        };
        let all = file.num_records()? as u64;
        let deleted = file.deletion_vector_descriptor().map_or(0, |vector| u64::try_from(vector.cardinality).unwrap_or_default());
        all.checked_sub(deleted)
    }

    /// What takes the file out of the table.
    pub(super) fn remove_action(&self, data_change: bool) -> Remove {
        match self {
            Self::Logged(file) => file.remove_action(data_change),
            Self::Ours(file) => Remove {
                path: file.path.clone(),
                data_change,
                extended_file_metadata: Some(true),
                size: Some(file.size),
                partition_values: Some(self.partition_values_map()),
                ..Remove::default()
            },
        }
    }

    /// What puts the file into a table again.
    pub(super) fn add_action(&self) -> Add {
        match self {
            #[expect(deprecated, reason = "the only way to an add action as the log has it")]
            Self::Logged(file) => file.add_action(),
            Self::Ours(file) => file.add_action(),
        }
    }
}

impl StagedFile {
    /// What puts the file into a table.
    pub(super) fn add_action(&self) -> Add {
        Add {
            path: self.path.clone(),
            partition_values: self.partition_values.clone().into_iter().collect(),
            size: self.size,
            modification_time: self.modified,
            data_change: true,
            stats: Some(self.stats.clone()),
            ..Default::default()
        }
    }
}

impl From<&StagedFile> for Action {
    fn from(file: &StagedFile) -> Self {
        Self::Add(file.add_action())
    }
}
