//! From a selection to commits: plans, steps, and the schedule that runs them. Never prints; speaks in events only.

mod changed;
mod choice;
mod chronicle;
mod crew;
mod env;
mod handover;
mod inputs;
mod interrupt;
mod journal;
mod landed;
mod output;
mod plan;
mod policy;
mod profile;
mod progress;
mod ready;
mod referee;
mod report;
mod resume;
mod schedule;
mod sources;
mod step;
mod workshop;

pub use changed::{StepDecision, StepReason};
pub use choice::PartitionChoice;
pub use env::SystemEnv;
pub use interrupt::Interrupt;
pub use plan::{Plan, StepAsset, StepSpec};
pub use report::{RunReport, StepOutcome, StepReport};
pub use step::{InProcess, Launch, StepLauncher, StepResult};
pub use workshop::PendingOutput;

pub(crate) use chronicle::{Chronicles, history};
pub(crate) use handover::HandOver;
pub(crate) use inputs::named;
pub(crate) use journal::Journal;
pub(crate) use landed::{committed_before, landed_before};
pub(crate) use plan::{Partitioning, mapping_of, nearest_selected};
pub(crate) use profile::Profiling;
pub(crate) use referee::BEAT;
pub(crate) use resume::Past;
pub(crate) use schedule::{Begun, default_parallelism, run};
pub(crate) use workshop::{Moment, OutputHook, Store, Subscriber, Workshop, one_table};
