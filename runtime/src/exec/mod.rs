//! From a selection to commits: plans, steps, and the schedule that runs them. Never prints; speaks in events only.

mod choice;
mod env;
mod handover;
mod inputs;
mod output;
mod plan;
mod schedule;
mod step;
mod workshop;

pub use choice::PartitionChoice;
pub use env::SystemEnv;
pub use plan::{Plan, StepAsset, StepSpec};
pub use schedule::{Interrupt, RunReport, StepOutcome, StepReport};
pub use step::{InProcess, StepLauncher, StepResult};
pub use workshop::PendingOutput;

pub(crate) use handover::HandOver;
pub(crate) use plan::Partitioning;
pub(crate) use schedule::{default_parallelism, run};
pub(crate) use workshop::{Moment, OutputHook, Store, Subscriber, Workshop};
