//! The partitions that a command is for.

use clap::Args;

use crate::error::Result;
use crate::exec::PartitionChoice;

/// Which partitions
#[derive(Args)]
pub(super) struct PartitionOptions {
    /// For this partition; may be given several times. `DIMENSION=KEY` means all with that key, and keys of several dimensions are
    /// combined
    #[arg(long, value_name = "KEY")]
    partition: Vec<String>,
    /// For the partitions from the first to the last, both included; may be given several times, and begin with `DIMENSION=`
    #[arg(long, value_name = "FIRST..LAST")]
    partitions: Vec<String>,
    /// For all partitions there are
    #[arg(long, conflicts_with_all = ["missing", "failed", "partition", "partitions"])]
    all_partitions: bool,
    /// For the partitions that no run has materialized
    #[arg(long, conflicts_with_all = ["failed", "partition", "partitions"])]
    missing: bool,
    /// For the partitions that the last run to make them failed at
    #[arg(long, conflicts_with_all = ["partition", "partitions"])]
    failed: bool,
}

impl PartitionOptions {
    /// The partitions, as a plan takes them.
    pub(super) fn choice(&self) -> Result<PartitionChoice> {
        let choice = match (self.all_partitions, self.missing, self.failed) {
            (true, ..) => PartitionChoice::all(),
            (_, true, _) => PartitionChoice::missing(),
            (.., true) => PartitionChoice::failed(),
            _ => PartitionChoice::none(),
        };
        let choice = self.partition.iter().fold(choice, PartitionChoice::key);
        self.partitions.iter().try_fold(choice, |choice, range| choice.parse_range(range))
    }
}
