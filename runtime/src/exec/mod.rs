//! From a selection to commits: plans, steps, and the schedule that runs them. Never prints; speaks in events only.

mod env;
mod plan;
mod schedule;
mod step;

pub use env::SystemEnv;
pub use plan::{Plan, StepAsset, StepSpec};
pub use schedule::{Interrupt, RunReport, StepOutcome, StepReport};
pub use step::{InProcess, PendingOutput, StepLauncher, StepResult};

pub(crate) use schedule::{default_parallelism, run};
pub(crate) use step::{OutputHook, Subscriber, Workshop};
